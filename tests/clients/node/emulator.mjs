// The emulator's program for one test, and programs that run with its variables.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

// Variables of the machine that runs this must not lead its requests elsewhere.
const PLAIN = { PATH: process.env.PATH, HOME: process.env.HOME };

/** Starts the emulator with these arguments, and returns the environment for a client. */
export async function emulator(t, ...given) {
  const program = spawn(process.env.EMULATOR, given, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    program.kill("SIGTERM");
    if (program.exitCode === null) await once(program, "exit");
    assert.equal(program.exitCode, 0, "the emulator stops cleanly");
  });
  const env = { ...PLAIN, NO_PROXY: "localhost,127.0.0.1" };
  for await (const line of createInterface({ input: program.stdout })) {
    const [, name, value] = /^export (\w+)=(.*)$/.exec(line) ?? [];
    if (name === "NO_PROXY") return env;
    if (name) env[name] = value;
  }
  throw new Error(`the emulator ended with ${program.exitCode}`);
}

export function run(program, given, env) {
  return new Promise((resolve) =>
    execFile(program, given, { env, timeout: 60_000 }, (error, out, err) =>
      resolve({ out, err, status: error?.code ?? 0 }),
    ),
  );
}

/** What `client.mjs` prints for this action. */
export async function client(action, env) {
  const program = new URL("client.mjs", import.meta.url).pathname;
  const { out, err } = await run(process.execPath, [program, action], env);
  assert.notEqual(out, "", err);
  return JSON.parse(out);
}
