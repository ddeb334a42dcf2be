import com.corundumstudio.socketio.AckRequest;
import com.corundumstudio.socketio.Configuration;
import com.corundumstudio.socketio.SocketConfig;
import com.corundumstudio.socketio.SocketIOClient;
import com.corundumstudio.socketio.SocketIOServer;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;

/**
 * netty-socketio with the epoll transport, as a peer of the load generator: {@code java … Peer PORT}.
 *
 * <p>One worker thread, as every peer here has one core. The handlers do what fanio/bench/handlers.py does; there is no
 * event loop to yield to: netty flushes each message as it is sent.
 */
public final class Peer {
    private static final AtomicLong SEQ = new AtomicLong();

    public static void main(String[] arguments) {
        SocketConfig socket = new SocketConfig();
        socket.setReuseAddress(true);
        socket.setAcceptBackLog(4096);
        Configuration configuration = new Configuration();
        configuration.setHostname("127.0.0.1");
        configuration.setPort(Integer.parseInt(arguments[0]));
        configuration.setBossThreads(1);
        configuration.setWorkerThreads(1);
        configuration.setUseLinuxNativeEpoll(true);
        configuration.setSocketConfig(socket);
        // It closes clients that it has no time for; none is slow here but the server itself.
        configuration.setFirstDataTimeout(120_000);
        configuration.setPingTimeout(120_000);

        SocketIOServer server = new SocketIOServer(configuration);
        server.addMultiTypeEventListener("bench:broadcast", (client, values, ack) -> {
            int count = values.get(0), size = values.get(1);
            Object pad = values.size() > 2 && values.get(2) != null ? bytes(size) : "x".repeat(size);
            for (int i = 0; i < count; i++) {
                server.getBroadcastOperations().sendEvent("b", SEQ.getAndIncrement(), pad);
            }
            answer(ack);
        }, Integer.class, Integer.class, String.class);
        server.addMultiTypeEventListener("bench:mixed", (client, values, ack) -> {
            String pad = "x".repeat((int) values.get(0));
            List<String> targets = values.get(1);
            for (String target : targets) {
                emit(server, target, SEQ.getAndIncrement(), pad);
            }
            answer(ack);
        }, Integer.class, List.class);
        server.addEventListener("bench:join", List.class, (client, rooms, ack) -> {
            for (Object room : rooms) {
                client.joinRoom((String) room);
            }
            answer(ack);
        });
        server.addEventListener("bench:echo", Long.class, (client, value, ack) -> ack.sendAckData(value));

        server.start();
        System.out.println("ready " + ProcessHandle.current().pid());
    }

    /** A client has no room of its own here, so a sid is looked up; the generator's rooms are shorter than one. */
    private static void emit(SocketIOServer server, String target, long seq, String pad) {
        if (target.isEmpty()) {
            server.getBroadcastOperations().sendEvent("b", seq, pad);
        } else if (target.length() == 36) {
            SocketIOClient client = server.getClient(UUID.fromString(target));
            client.sendEvent("b", seq, pad);
        } else {
            server.getRoomOperations(target).sendEvent("b", seq, pad);
        }
    }

    private static byte[] bytes(int size) {
        byte[] pad = new byte[size];
        java.util.Arrays.fill(pad, (byte) 'x');
        return pad;
    }

    private static void answer(AckRequest ack) {
        ack.sendAckData();
    }
}
