// A Java client that stays: Peer TRANSPORT URL [SIZE]; a line for every connect, disconnect and echo.
// With SIZE it sends so many bytes.

import io.socket.client.IO;
import io.socket.client.Socket;
import java.net.URI;

public class Peer {
    public static void main(String[] args) throws Exception {
        IO.Options options = new IO.Options();
        options.reconnectionDelay = 50;
        options.reconnectionDelayMax = 200;
        if (!args[0].equals("any")) {
            options.transports = new String[] {args[0]};
        }
        Object sent = args.length > 2 ? new byte[Integer.parseInt(args[2])] : "hello";
        Socket socket = IO.socket(URI.create(args[1]), options);
        socket.on(Socket.EVENT_CONNECT, nothing -> {
            System.out.println("connect");
            socket.emit("message", sent);
        });
        socket.on(Socket.EVENT_DISCONNECT, reason -> System.out.println("disconnect " + reason[0]));
        socket.on("message-back", data -> {
            if (data[0] instanceof byte[]) {
                System.out.println("bytes " + ((byte[]) data[0]).length);
            } else {
                System.out.println("event " + data[0]);
            }
        });
        socket.connect();
        Thread.sleep(600_000);
    }
}
