// The official JavaScript client's Session, unchanged, as the tests drive it.
import WebSocket from "ws";
import { obey, say } from "./lines.mjs";
import { XMLHttpRequest } from "./xhr.mjs";

globalThis.WebSocket = WebSocket;
globalThis.XMLHttpRequest = XMLHttpRequest;
const { Session, projectSchema } = await import("@ftrack/api");

let session;

await obey({
  async open({ url, user, key, options }) {
    session = new Session(url, user, key, { autoConnectEventHub: false, ...options });
    await session.initializing;
    say("opened", { version: session.serverVersion, keys: session.getPrimaryKeyAttributes("Task") });
  },
  async query({ expression }) {
    const { data, metadata } = await session.query(expression);
    say("found", { data, metadata });
  },
  async search({ wish }) {
    const { data } = await session.search(wish);
    say("searched", { data });
  },
  async statuses({ schema, type }) {
    say("listed", { data: await projectSchema.getStatuses(session, schema, type) });
  },
  async create({ type, data }) {
    say("created", { data: (await session.create(type, data)).data });
  },
  async update({ type, keys, data }) {
    say("updated", { data: (await session.update(type, keys, data)).data });
  },
  async remove({ type, keys }) {
    say("removed", { data: (await session.delete(type, keys)).data });
  },
  async upload({ name, size, chunk, data }) {
    if (chunk) globalThis.window = { FTRACK_UPLOAD_CHUNK_SIZE: chunk };
    const made = await session.createComponent(new Blob(["x".repeat(size)]), { name, data });
    delete globalThis.window;
    say("uploaded", { component: made[0].data, place: made[1].data });
  },
  async ensure({ type, data, by }) {
    say("ensured", { data: await session.ensure(type, data, by) });
  },
});
