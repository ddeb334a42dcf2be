// Runs the scenarios in Node: node client.mjs URL TRANSPORT[,TRANSPORT] [PARSER]; the results are one line of JSON.

import { io } from "socket.io-client";
import { run, scenarios } from "./scenarios.mjs";

const [url, transports, name] = process.argv.slice(2);
const { parser, more = {} } = name ? await import(`./parser_${name}.mjs`) : {};
const open = (target, options) => io(target, parser ? { parser, ...options } : options);
console.log(JSON.stringify(await run(open, url, transports.split(","), { ...scenarios, ...more })));
process.exit(0);
