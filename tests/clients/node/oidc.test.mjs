// oidc-provider, a certified OpenID provider, in the place of Entra's token endpoint: whether what our
// credential sends is a client credentials request with a JWT client assertion as RFC 6749 §4.4,
// RFC 7521 §4.2 and RFC 7523 §2.2 have it, by the judgement of software that knows nothing of Azure.
//
// One thing is bent for it: the assertion's `iss` and `sub` are the client id and it has a `jti`, which
// `private_key_jwt` demands (OpenID Connect Core 1.0, 9). Entra goes by the federated identity
// credential there. Our credential passes on what the identity endpoint says.
//
// OURS names the example that lists resource groups with our credential.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import Provider from "oidc-provider";

const TENANT = "22222222-2222-4222-8222-222222222222";
const CLIENT = "33333333-3333-4333-8333-333333333333";
const SCOPE = "https://management.azure.com/.default";

const PLAIN = { PATH: process.env.PATH, HOME: process.env.HOME };

/** A certificate for this machine's name, and the authority that it is from. */
function certificate(t) {
  const folder = mkdtempSync(join(tmpdir(), "oidc-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const request = (...given) =>
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", ...given],
      { cwd: folder, stdio: "pipe" },
    );
  request("-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem");
  request(
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
    ...["-addext", "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key"],
    ...["-keyout", "leaf.key", "-out", "leaf.pem"],
  );
  const read = (name) => readFileSync(join(folder, name));
  return { ca: join(folder, "ca.pem"), key: read("leaf.key"), cert: read("leaf.pem") };
}

async function listening(t, server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return server.address().port;
}

/** Runs our example with a provider as its authority and that assertion as its identity's token. */
async function judged(t, claims = {}, forged = false) {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const { ca, key, cert } = certificate(t);
  let answer = (_, response) => response.end();
  const server = https.createServer({ key, cert }, (...given) => answer(...given));
  const issuer = `https://localhost:${await listening(t, server)}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: "RS256", use: "sig" }] },
      },
    ],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    routes: { token: `/${TENANT}/oauth2/v2.0/token` },
    scopes: [SCOPE],
  });
  const verdicts = [];
  provider.on("grant.success", ({ oidc }) =>
    verdicts.push({ client: oidc.client.clientId, params: oidc.params }),
  );
  provider.on("grant.error", (_, error) => verdicts.push({ refused: error.error }));
  provider.on("server_error", (_, error) => verdicts.push({ broken: String(error) }));
  answer = provider.callback();

  const now = Math.floor(Date.now() / 1000);
  const other = forged ? (await generateKeyPair("RS256")).privateKey : privateKey;
  const assertion = await new SignJWT({
    ...{ iss: CLIENT, sub: CLIENT, aud: issuer, jti: randomUUID() },
    ...{ iat: now, nbf: now, exp: now + 3600 },
    ...claims,
  })
    .setProtectedHeader({ alg: "RS256", typ: "JWT" })
    .sign(other);
  const imds = http.createServer((request, response) => {
    assert.equal(request.headers.metadata, "true");
    const body = { access_token: assertion, expires_in: "3600", token_type: "Bearer" };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body));
  });
  const identity = `http://127.0.0.1:${await listening(t, imds)}`;
  // Whoever has a token goes on to Resource Manager, and no further.
  const proxy = http.createServer();
  const wayOut = `http://127.0.0.1:${await listening(t, proxy)}`;
  const env = {
    ...PLAIN,
    ...{ CROSS_TENANT_TARGET_TENANT_ID: TENANT, CROSS_TENANT_CLIENT_ID: CLIENT, TARGET_SUBSCRIPTION_ID: TENANT },
    ...{ AZURE_AUTHORITY_HOST: issuer, AZURE_POD_IDENTITY_AUTHORITY_HOST: identity },
    ...{ SSL_CERT_FILE: ca, NO_PROXY: "localhost,127.0.0.1" },
    ...{ HTTPS_PROXY: wayOut, https_proxy: wayOut },
  };
  let wentOnTo;
  const said = await new Promise((resolve) => {
    const ours = execFile(process.env.OURS, [], { env, timeout: 60_000 }, (_, out, err) =>
      resolve(out + err),
    );
    proxy.on("connect", (request, socket) => {
      wentOnTo = request.url;
      socket.destroy();
      ours.kill();
    });
  });
  return { verdicts, wentOnTo, said };
}

test("a certified provider takes our request and gives a token", async (t) => {
  const { verdicts, wentOnTo, said } = await judged(t);
  assert.equal(verdicts.length, 1, said);
  const [{ client, params }] = verdicts;
  assert.equal(client, CLIENT, said);
  assert.equal(params.grant_type, "client_credentials");
  assert.equal(params.scope, SCOPE);
  assert.equal(wentOnTo, "management.azure.com:443", said);
});

for (const [what, claims, forged] of [
  ["of yesterday", { iat: 1, nbf: 1, exp: 86_400 }, false],
  ["for another audience", { aud: "https://elsewhere.example" }, false],
  ["by another key", {}, true],
]) {
  test(`an assertion ${what} is refused, and our error says what the provider said`, async (t) => {
    const { verdicts, wentOnTo, said } = await judged(t, claims, forged);
    assert.equal(wentOnTo, undefined);
    assert.deepEqual(verdicts, [{ refused: "invalid_client" }], said);
    assert.match(said, /token endpoint of tenant .* refused: HTTP 401 invalid_client/);
  });
}
