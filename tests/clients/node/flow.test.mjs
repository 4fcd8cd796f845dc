// The scenario of Contoso and Litware, told by the Azure SDK for JavaScript.
//
// EMULATOR names the emulator's program, OURS the example that lists resource groups with our
// credential: each refusal has to have the same code for both.

import assert from "node:assert/strict";
import { test } from "node:test";

import { client as theirs, emulator as start, run } from "./emulator.mjs";

const emulator = (t, step) => start(t, ...(step ? ["--without", step] : []));

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
