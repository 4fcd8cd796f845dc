// What a service in JavaScript would do, in a process of its own: Node reads NODE_EXTRA_CA_CERTS once.
// Prints one line of JSON: what came of it, or how it was refused.

import { ClientAssertionCredential, ManagedIdentityCredential, WorkloadIdentityCredential } from "@azure/identity";
import { ResourceManagementClient } from "@azure/arm-resources";
import { createRemoteJWKSet, jwtVerify } from "jose";
import net from "node:net";

const { env } = process;
const EXCHANGE = `${env.TOKEN_EXCHANGE_AUDIENCE ?? "api://AzureADTokenExchange"}/.default`;
const ARM = "https://management.azure.com";

// Outside of Azure, 169.254.169.254 can be somebody else's metadata service.
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const to = [given[0]].flat()[0];
  if (typeof to === "object" && to.host && !["localhost", "127.0.0.1", "::1"].includes(to.host)) {
    throw new Error(`a connection to ${to.host} was tried`);
  }
  return connect.apply(this, given);
};

// Hosts that have one identity take no client id, and the emulator then names none.
const clientId = env.CROSS_TENANT_IDENTITY_CLIENT_ID;
const identity = new ManagedIdentityCredential(clientId ? { clientId } : {});
const assertion = async () => (await identity.getToken(EXCHANGE)).token;
const credential = new ClientAssertionCredential(env.CROSS_TENANT_TARGET_TENANT_ID, env.CROSS_TENANT_CLIENT_ID, assertion, {
  authorityHost: env.AZURE_AUTHORITY_HOST,
  disableInstanceDiscovery: true,
  retryOptions: { maxRetries: 0 },
});

const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

const things = {
  // The host's token, and the token of the target tenant that it is exchanged for.
  async host() {
    const { aud, sub } = claims(await assertion());
    const { tid, appid } = claims((await credential.getToken(`${ARM}/.default`)).token);
    return { aud, sub, tid, appid };
  },

  // With instance discovery, as the authority host is a real one.
  async cloud() {
    const { CROSS_TENANT_TARGET_TENANT_ID: tenant, CROSS_TENANT_CLIENT_ID: app } = env;
    const options = { authorityHost: env.AZURE_AUTHORITY_HOST, retryOptions: { maxRetries: 0 } };
    const credential = new ClientAssertionCredential(tenant, app, assertion, options);
    const { tid, appid } = claims((await credential.getToken("https://storage.azure.com/.default")).token);
    return { tid, appid };
  },

  async workload() {
    const workload = new WorkloadIdentityCredential({
      tenantId: env.CROSS_TENANT_TARGET_TENANT_ID,
      clientId: env.CROSS_TENANT_CLIENT_ID,
      authorityHost: env.AZURE_AUTHORITY_HOST,
      disableInstanceDiscovery: true,
    });
    const { tid, appid } = claims((await workload.getToken(`${ARM}/.default`)).token);
    return { tid, appid };
  },

  async groups() {
    const client = new ResourceManagementClient(credential, env.TARGET_SUBSCRIPTION_ID, {
      endpoint: env.ARM_ENDPOINT,
      credentialScopes: [`${ARM}/.default`],
      retryOptions: { maxRetries: 0 },
    });
    const groups = [];
    for await (const group of client.resourceGroups.list()) {
      groups.push([group.name, group.location]);
    }
    return groups;
  },

  async published() {
    await fetch(`${env.AZURE_AUTHORITY_HOST}/${env.CROSS_TENANT_TARGET_TENANT_ID}/discovery/v2.0/keys`);
  },

  // The keys and the issuers are what the configuration of each tenant says.
  async verified() {
    const verify = async (tenant, version, token, audience) => {
      const url = `${env.AZURE_AUTHORITY_HOST}/${tenant}${version}/.well-known/openid-configuration`;
      const configuration = await (await fetch(url)).json();
      const keys = createRemoteJWKSet(new URL(configuration.jwks_uri));
      const options = { issuer: configuration.issuer, audience, algorithms: ["RS256"] };
      return (await jwtVerify(token, keys, options)).payload;
    };
    const token = (await credential.getToken(`${ARM}/.default`)).token;
    const access = await verify(env.CROSS_TENANT_TARGET_TENANT_ID, "", token, ARM);
    const home = await verify(
      env.HOME_TENANT_ID,
      "/v2.0",
      await assertion(),
      "fb60f99c-7a34-4190-8149-302f77469936",
    );
    return { appid: access.appid, tid: access.tid, sub: home.sub };
  },
};

try {
  console.log(JSON.stringify({ came: await things[process.argv[2]]() }));
} catch (error) {
  const refused = { message: String(error), code: error.code, status: error.statusCode };
  console.log(JSON.stringify({ refused, cause: String(error.cause ?? "") }));
}
