// The Azure SDK for JavaScript on each host that the emulator plays: `ManagedIdentityCredential` and
// `WorkloadIdentityCredential`, each up to a token of the target tenant.

import assert from "node:assert/strict";
import { accessSync, constants, mkdirSync } from "node:fs";
import { test } from "node:test";

import { client, emulator } from "./emulator.mjs";

const ARC_KEYS = "/var/opt/azcmagent/tokens";

function cannotWriteArcKeys() {
  try {
    mkdirSync(ARC_KEYS, { recursive: true });
    accessSync(ARC_KEYS, constants.W_OK);
    return false;
  } catch {
    return `${ARC_KEYS} cannot be written`;
  }
}

const expected = (env) => ({
  aud: "fb60f99c-7a34-4190-8149-302f77469936",
  sub: env.IDENTITY_PRINCIPAL_ID,
  tid: env.CROSS_TENANT_TARGET_TENANT_ID,
  appid: env.CROSS_TENANT_CLIENT_ID,
});

for (const host of ["imds", "app-service", "azure-ml", "service-fabric"]) {
  test(`the managed identity of ${host} reaches the target tenant`, async (t) => {
    const env = await emulator(t, "--host", host);
    const { came, refused } = await client("host", env);
    assert.deepEqual(came, expected(env), JSON.stringify(refused));
  });
}

test("the machine's own identity on Azure Arc reaches the target tenant", { skip: cannotWriteArcKeys() }, async (t) => {
  const env = await emulator(t, "--host", "arc");
  const { came, refused } = await client("host", env);
  assert.deepEqual(came, { ...expected(env), sub: came?.sub }, JSON.stringify(refused));
  // The system-assigned identity of the machine, and not the scenario's.
  assert.notEqual(came.sub, env.IDENTITY_PRINCIPAL_ID);
});

test("the service account's token of a pod reaches the target tenant", async (t) => {
  const env = await emulator(t, "--host", "workload-identity");
  const { came, refused } = await client("workload", env);
  const { tid, appid } = expected(env);
  assert.deepEqual(came, { tid, appid }, JSON.stringify(refused));
});
