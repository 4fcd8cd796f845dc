//! An unmodified program with `object_store` lists the blobs of Litware's storage account under
//! `cross-tenant-identity exec`. The account is Azurite, which judges the token by itself.
//!
//! `PROGRAM` names the program cross-tenant-identity, `AZURITE_BLOB` that of Azurite. tests/clients/run
//! sets both.

#[path = "../../../examples/support/azurite.rs"]
mod azurite;

use azurite::Azurite;
use cross_tenant_identity_emulator::{Emulator, Endpoint, Host, Scenario, Step};
use reqwest::{
    Certificate,
    blocking::{Body, Client},
};
use std::process::{Command, Output};

const CONTAINER: &str = "contoso-reports";
const PROTOCOLS: [&str; 2] = ["app-service", "workload-identity"];

struct World {
    azure: Emulator,
    scenario: Scenario,
    storage: Azurite,
}

impl World {
    fn new() -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario();
        let storage = Azurite::start(&azure).unwrap();
        let world = Self {
            azure,
            scenario,
            storage,
        };
        world.fill();
        world
    }

    /// `cross-tenant-identity` with these arguments, on a host with Contoso's managed identity.
    fn program(&self, arguments: &[&str]) -> Output {
        let variables = self
            .azure
            .client_variables(&self.scenario, Host::Imds, None)
            .unwrap();
        let mut command = Command::new(std::env::var_os("PROGRAM").expect("PROGRAM is not set"));
        command.env_clear().args(arguments);
        variables.set_on(&mut command);
        command
            .env("AZURE_STORAGE_ACCOUNT_NAME", "litware")
            .env("AZURE_STORAGE_ENDPOINT", &self.storage.url)
            .env("AZURE_CONTAINER_NAME", CONTAINER)
            .output()
            .unwrap()
    }

    fn list_blobs(&self, protocol: &str) -> Output {
        let list = env!("CARGO_BIN_EXE_list_blobs");
        self.program(&["exec", "--protocol", protocol, "--", list])
    }

    /// Creates the container and two blobs in it, with a token of the same app.
    fn fill(&self) {
        let scope = "https://storage.azure.com/.default";
        let header = self.program(&["token", "--scope", scope, "--format", "header"]);
        let header = stdout(&header);
        let (_, token) = header.trim().split_once(": ").unwrap();
        let ca = Certificate::from_pem(self.azure.ca_pem().as_bytes()).unwrap();
        let client = Client::builder().tls_certs_only([ca]).no_proxy();
        let client = client.build().unwrap();
        let put = |path: &str, text: &'static str| {
            let url = format!("{}/{CONTAINER}{path}", self.storage.url);
            let request = client
                .put(url)
                .header("authorization", token)
                .header("x-ms-version", "2023-11-03")
                .header("x-ms-blob-type", "BlockBlob");
            let response = request.body(Body::from(text)).send().unwrap();
            assert_eq!(response.status(), 201, "{}", response.text().unwrap());
        };
        put("?restype=container", "");
        put("/2026/january.csv", "a,b\n");
        put("/2026/february.csv", "a,b,c\n");
        self.azure.clear_requests();
    }
}

fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_blobs_of_litware_are_listed_by_each_protocol() {
    let world = World::new();
    for protocol in PROTOCOLS {
        let listed = stdout(&world.list_blobs(protocol));
        assert_eq!(
            listed, "2026/february.csv 6\n2026/january.csv 4\n",
            "{protocol}"
        );
    }
    // One of `exec`, one of the program itself.
    assert_eq!(world.azure.requests_to(Endpoint::Token).len(), 2);
}

#[test]
fn the_diagnosis_is_in_the_error_of_the_program() {
    let mut world = World::new();
    world.scenario = world.azure.create_scenario_without(Step::ServicePrincipal);
    let ended = world.list_blobs("app-service");
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    // Our own log is there, too: only what comes after this is the program's.
    let said = &said[said.find("Error: ").unwrap()..];
    for told in ["AADSTS7000229", "Who has to act"] {
        assert!(said.contains(told), "{told}: {said}");
    }
}
