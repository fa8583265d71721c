// The Socket.IO client of today, over WebSocket, as the tests drive it.
import { io } from "socket.io-client";
import { obey, say } from "./lines.mjs";

let socket;

await obey({
  connect({ url, user, key, headers = false }) {
    const way = headers
      ? { extraHeaders: { "ftrack-user": user, "ftrack-api-key": key } }
      : { auth: { user, key } };
    socket = io(url, { transports: ["websocket"], reconnectionDelay: 100, forceNew: true, ...way });
    socket.on("connect", () => say("connected", { id: socket.id }));
    socket.on("disconnect", (reason) => say("lost", { reason }));
    socket.on("connect_error", (error) => say("refused", { message: error.message }));
    socket.on("ftrack.event", (event) => say("heard", { event }));
  },
  async emit({ event }) {
    say("ack", { of: event.topic, answer: await socket.timeout(10000).emitWithAck("ftrack.event", event) });
  },
  emitAnd({ event }) {
    socket.emit("ftrack.event", event);
    say("emitted", { of: event.topic });
  },
  emitOther({ name, values }) {
    socket.emit(name, ...values);
    say("emitted", { of: name });
  },
  disconnect() {
    socket.disconnect();
    say("disconnected");
  },
});
