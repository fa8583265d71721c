// A conversation with the test: commands come as JSON lines on stdin, answers go as JSON lines to stdout.
import { createInterface } from "node:readline";

export function say(what, more = {}) {
  process.stdout.write(JSON.stringify({ is: what, ...more }) + "\n");
}

export async function obey(commands) {
  say("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...options } = JSON.parse(line);
    Promise.resolve()
      .then(() => commands[name](options))
      .catch((error) => say("error", { of: name, name: error.name, message: error.message }));
  }
  process.exit(0);
}

export async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
