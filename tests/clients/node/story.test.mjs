// The story of Contoso and Litware, told by the Azure SDK for JavaScript.
//
// EMULATOR names the emulator's program, OURS the example that lists resource groups with our
// credential: each refusal has to have the same code for both.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";

// Variables of the machine that runs this must not lead its requests elsewhere.
const PLAIN = { PATH: process.env.PATH, HOME: process.env.HOME };

async function emulator(t, ...step) {
  const given = step.length ? ["--without", ...step] : [];
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

function run(program, given, env) {
  return new Promise((resolve) =>
    execFile(program, given, { env, timeout: 60_000 }, (error, out, err) =>
      resolve({ out, err, status: error?.code ?? 0 }),
    ),
  );
}

async function theirs(thing, env) {
  const client = new URL("client.mjs", import.meta.url).pathname;
  const { out, err } = await run(process.execPath, [client, thing], env);
  assert.notEqual(out, "", err);
  return JSON.parse(out);
}

// The way to Resource Manager is closed: this is about the token.
async function ours(env) {
  const closed = { HTTPS_PROXY: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9" };
  const { err, status } = await run(process.env.OURS, [], { ...env, ...closed });
  assert.equal(status, 1, err);
  return /AADSTS\d+/.exec(err)?.[0];
}

test("the resource groups of Litware are listed", async (t) => {
  const { came, refused } = await theirs("groups", await emulator(t));
  assert.deepEqual(came, [["NetworkWatcherRG", "northeurope"]], JSON.stringify(refused));
});

test("both tokens verify by what the tenants publish", async (t) => {
  const env = await emulator(t);
  const { came, refused } = await theirs("verified", env);
  const expected = {
    appid: env.CROSS_TENANT_CLIENT_ID,
    tid: env.CROSS_TENANT_TARGET_TENANT_ID,
    sub: env.IDENTITY_PRINCIPAL_ID,
  };
  assert.deepEqual(came, expected, JSON.stringify(refused));
});

for (const [step, code] of [
  ["home-registration", "AADSTS700236"],
  ["service-principal", "AADSTS7000229"],
  ["federated-credential", "AADSTS70025"],
  ["multi-tenant", "AADSTS700016"],
]) {
  test(`without ${step} both are refused with ${code}`, async (t) => {
    const env = await emulator(t, step);
    const { refused } = await theirs("groups", env);
    assert.match(refused?.message ?? "no refusal", new RegExp(`${code}\\b`));
    assert.equal(await ours(env), code);
  });
}

test("without a role nothing is listed", async (t) => {
  const { refused } = await theirs("groups", await emulator(t, "role"));
  assert.equal(refused?.code, "AuthorizationFailed");
  assert.equal(refused.status, 403);
});

test("an identity that the host does not have is refused", async (t) => {
  const env = await emulator(t);
  const { refused } = await theirs("groups", { ...env, CROSS_TENANT_IDENTITY_CLIENT_ID: env.CROSS_TENANT_CLIENT_ID });
  assert.match(refused?.message ?? "no refusal", /Identity not found/);
});

test("TLS is verified", async (t) => {
  const { NODE_EXTRA_CA_CERTS, ...env } = await emulator(t);
  assert.ok(NODE_EXTRA_CA_CERTS);
  const { refused } = await theirs("groups", env);
  assert.match(refused?.message ?? "no refusal", /endpoints_resolution_error/);
  const { cause } = await theirs("published", env);
  assert.match(cause, /unable to verify|self-signed/i);
});
