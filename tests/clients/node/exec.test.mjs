// An unmodified program of the Azure SDK for JavaScript gets Litware's tokens under `exec`.
//
// EMULATOR names the emulator's program, PROGRAM that of cross-tenant-identity.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";

const SCRIPT = new URL("list_groups.mjs", import.meta.url).pathname;

function listed(protocol, ...options) {
  const inner = [process.env.PROGRAM, "exec", "--protocol", protocol, "--", process.execPath, SCRIPT];
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  return new Promise((resolve) =>
    execFile(
      process.env.EMULATOR,
      ["run", ...options, "--", ...inner],
      { env, timeout: 120_000 },
      (error, out, err) => resolve({ out, err, status: error?.code ?? 0 }),
    ),
  );
}

for (const protocol of ["app-service", "workload-identity"]) {
  test(`the resource groups of Litware are listed by ${protocol}`, async () => {
    const { out, err, status } = await listed(protocol);
    assert.equal(status, 0, err);
    assert.match(out, /^NetworkWatcherRG northeurope$/m);
  });
}

test("the diagnosis is in the error of the SDK", async () => {
  const { err, status } = await listed("app-service", "--without", "service-principal");
  assert.equal(status, 1, err);
  // Our own log is there, too: only what the SDK has thrown comes after this.
  const thrown = err.slice(err.search(/^\S*(Error|Unavailable)/m));
  assert.match(thrown, /AADSTS7000229/);
  assert.match(thrown, /Who has to act: the target tenant's administrator/);
});
