// The Azure SDK for JavaScript in the clouds of governments: their authority hosts by their own names,
// and their audience for token exchange.

import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";

import { client, emulator } from "./emulator.mjs";

/** An HTTP proxy that connects every authority host to the emulator (RFC 9110, 9.3.6). */
async function proxy(t, port) {
  const asked = new Set();
  const server = http.createServer();
  server.on("connect", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const [host, wanted] = request.url.split(":");
    if (wanted !== "443" || !host.startsWith("login.")) {
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    asked.add(host);
    const onward = net.connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

async function inCloud(t, cloud, authority, audience) {
  const env = await emulator(t, "--cloud", cloud);
  const { url, asked } = await proxy(t, new URL(env.AZURE_AUTHORITY_HOST).port);
  const answer = await client("cloud", {
    ...env,
    HTTPS_PROXY: url,
    AZURE_AUTHORITY_HOST: authority,
    TOKEN_EXCHANGE_AUDIENCE: audience,
  });
  return { env, asked, ...answer };
}

// The SDK takes the host that it prefers among the names of a cloud.
for (const [cloud, authority, audience, preferred] of [
  ["public", "https://login.microsoftonline.com", "api://AzureADTokenExchange", "login.microsoftonline.com"],
  ["us-government", "https://login.microsoftonline.us", "api://AzureADTokenExchangeUSGov", "login.microsoftonline.us"],
  ["china", "https://login.chinacloudapi.cn", "api://AzureADTokenExchangeChina", "login.partner.microsoftonline.cn"],
]) {
  test(`the managed identity reaches the target tenant in the cloud ${cloud}`, async (t) => {
    const { env, asked, came, refused } = await inCloud(t, cloud, authority, audience);
    const expected = { tid: env.CROSS_TENANT_TARGET_TENANT_ID, appid: env.CROSS_TENANT_CLIENT_ID };
    assert.deepEqual(came, expected, JSON.stringify(refused));
    assert.deepEqual([...asked], [preferred]);
  });
}

test("the audience of another cloud is refused", async (t) => {
  const { refused } = await inCloud(t, "china", "https://login.chinacloudapi.cn", "api://AzureADTokenExchange");
  assert.match(refused?.message ?? "no refusal", /AADSTS500011/);
});
