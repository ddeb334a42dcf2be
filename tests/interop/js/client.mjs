// Runs the scenarios in Node: node client.mjs URL TRANSPORT[,TRANSPORT]; the results are one line of JSON.

import { io } from "socket.io-client";
import { run } from "./scenarios.mjs";

const [url, transports] = process.argv.slice(2);
console.log(JSON.stringify(await run(io, url, transports.split(","))));
process.exit(0);
