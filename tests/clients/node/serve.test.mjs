// An unmodified program of the Azure SDK for JavaScript gets Litware's tokens from `serve` by https.
//
// EMULATOR names the emulator's program, PROGRAM that of cross-tenant-identity.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

import { emulator, run } from "./emulator.mjs";

const SCRIPT = new URL("list_groups.mjs", import.meta.url).pathname;
const SECRET = "0123456789abcdef0123456789abcdef";

test("the resource groups of Litware are listed by https", async (t) => {
  const env = await emulator(t);
  const folder = mkdtempSync(join(tmpdir(), "serve-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = (name) => join(folder, name);
  // For 127.0.0.1, signed by its own key, which has mode 0600.
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
    "-subj", "/CN=serve", "-addext", "subjectAltName=IP:127.0.0.1",
    "-addext", "basicConstraints=critical,CA:FALSE",
    "-keyout", file("tls.key"), "-out", file("tls.crt"),
  ], { stdio: "ignore" });
  // Both authorities: that of the emulator is for Resource Manager.
  const both = [env.NODE_EXTRA_CA_CERTS, file("tls.crt")].map((it) => readFileSync(it, "utf8"));
  writeFileSync(file("both.pem"), both.join("\n"));
  writeFileSync(file("serve.json"), JSON.stringify({
    listen: "0.0.0.0:0",
    networks: ["127.0.0.0/8"],
    tls: { certificate_file: file("tls.crt"), private_key_file: file("tls.key") },
    clients: [{
      name: "reports",
      secret: SECRET,
      target_tenant_id: env.CROSS_TENANT_TARGET_TENANT_ID,
      resources: ["https://management.azure.com"],
    }],
  }));
  const stdio = ["ignore", "inherit", "pipe"];
  const serve = spawn(process.env.PROGRAM, ["serve", "--config", file("serve.json")], { env, stdio });
  t.after(async () => {
    serve.kill("SIGTERM");
    if (serve.exitCode === null) await once(serve, "exit");
    assert.equal(serve.exitCode, 0);
  });
  let url;
  for await (const line of createInterface({ input: serve.stderr })) {
    const event = JSON.parse(line);
    if (event.message === "ready") {
      url = event.url.replace("0.0.0.0", "127.0.0.1");
      break;
    }
  }
  assert.match(url, /^https:/);
  serve.stderr.resume();
  const { PATH, HOME, NO_PROXY, TARGET_SUBSCRIPTION_ID, ARM_ENDPOINT } = env;
  const { out, err, status } = await run(process.execPath, [SCRIPT], {
    PATH, HOME, NO_PROXY, TARGET_SUBSCRIPTION_ID, ARM_ENDPOINT,
    IDENTITY_ENDPOINT: url,
    IDENTITY_HEADER: SECRET,
    NODE_EXTRA_CA_CERTS: file("both.pem"),
  });
  assert.equal(status, 0, err);
  assert.match(out, /^NetworkWatcherRG northeurope$/m);
});
