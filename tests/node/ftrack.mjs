// The official JavaScript client, unchanged, as the tests drive it.
import WebSocket from "ws";
import { obey, say, until } from "./lines.mjs";

globalThis.WebSocket = WebSocket;
const { Event, EventHub } = await import("@ftrack/api");

const hubs = {};

function event({ topic, data = {}, ...options }) {
  return new Event(topic, data, options);
}

await obey({
  async connect({ hub = "a", url, user, key, applicationId }) {
    hubs[hub] = new EventHub(url, user, key, applicationId ? { applicationId } : {});
    hubs[hub].connect();
    await until(() => hubs[hub].isConnected());
    say("connected", { hub, id: hubs[hub]._id });
  },
  // `reply` is what the handler returns; the text "echo" returns the event's data.
  subscribe({ hub = "a", name, expression, reply, metadata }) {
    const id = hubs[hub].subscribe(
      expression,
      (heard) => {
        say("heard", { name, event: heard });
        return reply === "echo" ? heard.data : reply;
      },
      metadata,
    );
    say("subscribed", { name, id });
  },
  unsubscribe({ hub = "a", id }) {
    say("unsubscribed", { done: hubs[hub].unsubscribe(id) });
  },
  async publish({ hub = "a", replies = false, timeout = 30, ...options }) {
    const onReply = replies ? (reply) => say("reply", { event: reply }) : undefined;
    say("published", { id: await hubs[hub].publish(event(options), { onReply, timeout }) });
  },
  async ask({ hub = "a", timeout = 10, ...options }) {
    say("answer", { event: await hubs[hub].publishAndWaitForReply(event(options), { timeout }) });
  },
  async reconnected({ hub = "a" }) {
    await until(() => hubs[hub].isConnected());
    say("connected", { hub });
  },
  async lost({ hub = "a" }) {
    await until(() => !hubs[hub].isConnected());
    say("lost", { hub });
  },
  disconnect({ hub = "a" }) {
    hubs[hub].disconnect();
    say("disconnected", { hub });
  },
});
