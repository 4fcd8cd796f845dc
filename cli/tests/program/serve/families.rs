//! Clients with different apps and different managed identities in one configuration.

use super::running::{BACKUP, REPORTS, Serve, client_of, command, under_load};
use crate::{
    client::{Endpoint, RESOURCE, claims},
    support::{Azure, ended},
};
use cross_tenant_identity_emulator::{
    Application, Endpoint as Of, FederatedCredential, ManagedIdentity, SignInAudience, Tenant,
};

/// Another app of Contoso with another managed identity, which Fabrikam has let in.
struct Fabrikam {
    tenant_id: String,
    app_id: String,
    identity: ManagedIdentity,
}

impl Fabrikam {
    fn create(azure: &Azure) -> Self {
        let emulator = &azure.emulator;
        let home = &azure.scenario.home_tenant_id;
        let tenant = Tenant::new("Fabrikam");
        emulator.add_tenant(tenant.clone());
        let identity = ManagedIdentity::user_assigned(home, "umi-fabrikam");
        emulator.add_managed_identity(identity.clone()).unwrap();
        emulator
            .assign_identity_to_host(&identity.principal_id)
            .unwrap();
        let app = Application::new(
            home,
            "App for Fabrikam",
            SignInAudience::AzureADMultipleOrgs,
        );
        emulator.add_application(app.clone()).unwrap();
        emulator
            .add_federated_credential(&app.client_id, FederatedCredential::trusting(&identity))
            .unwrap();
        emulator
            .provision_service_principal(&tenant.id, &app.client_id)
            .unwrap();
        Self {
            tenant_id: tenant.id,
            app_id: app.client_id,
            identity,
        }
    }

    /// The client `backup`, with these settings of its own.
    fn client(&self, settings: &str) -> String {
        let client = client_of("backup", BACKUP, &self.tenant_id, RESOURCE);
        format!("{client}[clients.settings]\n{settings}\n")
    }

    fn settings(&self) -> String {
        format!(
            "client_id = \"{}\"\nidentity_client_id = \"{}\"",
            self.app_id, self.identity.client_id
        )
    }
}

fn reports(azure: &Azure) -> String {
    let tenant = &azure.scenario.target_tenant_id;
    let client = client_of("reports", REPORTS, tenant, RESOURCE);
    format!("listen = \"127.0.0.1:0\"\n{client}")
}

/// The tenant and the app of the token that this client gets.
fn token_of(client: &Endpoint) -> (String, String) {
    let token = client.token(RESOURCE).unwrap();
    assert_eq!(token.status, 200, "{}", token.body);
    let claims = claims(token.json()["access_token"].as_str().unwrap());
    let text = |name: &str| claims[name].as_str().unwrap().to_owned();
    (text("tid"), text("appid"))
}

#[test]
fn each_family_has_its_own_app_its_own_identity_and_its_own_tokens() {
    let azure = Azure::start();
    let fabrikam = Fabrikam::create(&azure);
    // The variables name the app and the identity of all clients: this one's own win.
    let config = reports(&azure) + &fabrikam.client(&fabrikam.settings());
    let serve = Serve::start(&azure, &config);
    let backup = serve.as_backup();
    let litware = &azure.scenario;
    for _ in 0..3 {
        let expected = (litware.target_tenant_id.clone(), litware.client_id.clone());
        assert_eq!(token_of(&serve.endpoint), expected);
        let expected = (fabrikam.tenant_id.clone(), fabrikam.app_id.clone());
        assert_eq!(token_of(&backup), expected);
    }
    assert_eq!(azure.emulator.requests_to(Of::Imds).len(), 2);
    assert_eq!(azure.emulator.requests_to(Of::Token).len(), 2);

    // What selects the other family is refused, and named in the answer is only one's own.
    let query = |more: &str| format!("api-version=2019-08-01&resource={RESOURCE}&{more}");
    for (client, more, status) in [
        (&backup, format!("tenant={}", litware.target_tenant_id), 403),
        (&backup, format!("client_id={}", litware.client_id), 400),
        (
            &backup,
            format!("client_id={}", litware.identity_client_id),
            400,
        ),
        (
            &serve.endpoint,
            format!("tenant={}", fabrikam.tenant_id),
            403,
        ),
        (
            &serve.endpoint,
            format!("client_id={}", fabrikam.app_id),
            400,
        ),
    ] {
        let refused = client.ask(&query(&more), &[]).unwrap();
        assert_eq!(refused.status, status, "{more}: {}", refused.body);
        let (_, asked_for) = more.split_once('=').unwrap();
        assert!(!refused.message().contains(asked_for), "{}", refused.body);
    }
    let own = query(&format!("client_id={}", fabrikam.identity.client_id));
    assert_eq!(backup.ask(&own, &[]).unwrap().status, 200);
}

#[test]
fn what_one_family_is_refused_is_no_matter_of_the_other() {
    let azure = Azure::start();
    let fabrikam = Fabrikam::create(&azure);
    azure
        .emulator
        .set_service_principal_enabled(&fabrikam.tenant_id, &fabrikam.app_id, false)
        .unwrap();
    let config = reports(&azure) + &fabrikam.client(&fabrikam.settings());
    let serve = Serve::start(&azure, &config);
    let refused = serve.as_backup().token(RESOURCE).unwrap();
    assert_eq!(refused.status, 403);
    assert!(
        refused.message().contains("AADSTS7000112"),
        "{}",
        refused.body
    );
    assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
    let ready = serve.endpoint.get("/readyz").unwrap();
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body, "backup: no token: AADSTS7000112\n");
}

#[test]
fn settings_of_all_clients_are_those_of_a_client_that_has_no_others() {
    let azure = Azure::start();
    let fabrikam = Fabrikam::create(&azure);
    // Fabrikam lets the app of all clients in, too: only the identity differs, which that app does not trust.
    azure
        .emulator
        .provision_service_principal(&fabrikam.tenant_id, &azure.scenario.client_id)
        .unwrap();
    let settings = format!("identity_client_id = \"{}\"", fabrikam.identity.client_id);
    let config = reports(&azure) + &fabrikam.client(&settings);
    let serve = Serve::start(&azure, &config);
    let refused = serve.as_backup().token(RESOURCE).unwrap();
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(
        refused.message().contains("AADSTS700213"),
        "{}",
        refused.body
    );
    let settings = format!("client_id = \"{}\"", azure.scenario.client_id);
    let config = reports(&azure) + &fabrikam.client(&settings);
    let serve = Serve::start(&azure, &config);
    let (tenant, app) = token_of(&serve.as_backup());
    assert_eq!(
        (tenant, app),
        (fabrikam.tenant_id, azure.scenario.client_id.clone())
    );
}

#[cfg(unix)]
#[test]
fn a_family_comes_and_goes_with_the_file_and_the_tokens_of_the_others_stay() {
    let azure = Azure::start();
    let fabrikam = Fabrikam::create(&azure);
    let one = reports(&azure);
    let two = format!("{one}{}", fabrikam.client(&fabrikam.settings()));
    let mut serve = Serve::start(&azure, &one);
    let backup = serve.as_backup();
    let metric = "cross_tenant_identity_token_remaining_seconds{client=\"backup\"";
    let has_metric = |serve: &Serve| {
        let metrics = serve.endpoint.get("/metrics").unwrap().body;
        metrics.lines().any(|it| it.starts_with(metric))
    };
    let endpoint = serve.endpoint.clone();
    under_load(&endpoint, || {
        // Its tokens go with it: when it comes back, it asks for everything anew.
        for round in 1..=3 {
            azure.file("serve.toml", &two);
            serve.signal(rustix::process::Signal::HUP);
            let logged = serve.logged("read the file again");
            assert_eq!(logged["without_tokens"], "backup", "{logged}");
            assert_eq!(token_of(&backup).0, fabrikam.tenant_id);
            assert!(has_metric(&serve));
            assert_eq!(azure.emulator.requests_to(Of::Imds).len(), 1 + round);
            assert_eq!(azure.emulator.requests_to(Of::Token).len(), 1 + round);

            azure.file("serve.toml", &one);
            serve.signal(rustix::process::Signal::HUP);
            let logged = serve.logged("read the file again");
            assert_eq!(logged["without_tokens"], "", "{logged}");
            assert_eq!(backup.token(RESOURCE).unwrap().status, 401);
            assert!(!has_metric(&serve), "it is still told of");
            assert_eq!(token_of(&serve.endpoint).0, azure.scenario.target_tenant_id);
        }
    });
    // That of the other family was fetched once, before the first round.
    assert_eq!(azure.emulator.requests_to(Of::Token).len(), 4);
    serve.end();
}

#[cfg(unix)]
#[test]
fn a_family_whose_host_is_the_endpoint_itself_is_refused_also_when_the_file_is_read_again() {
    let azure = Azure::start();
    let fabrikam = Fabrikam::create(&azure);
    let mut serve = Serve::start(&azure, &reports(&azure));
    let address = serve.endpoint.address();
    let itself = format!(
        "{}\nimds_endpoint = \"http://{address}\"",
        fabrikam.settings()
    );
    let config = reports(&azure) + &fabrikam.client(&itself);
    azure.file("serve.toml", &config);
    serve.signal(rustix::process::Signal::HUP);
    let logged = serve.logged("the file is wrong");
    let why = logged["why"].as_str().unwrap();
    assert!(why.contains("where this endpoint itself listens"), "{why}");
    assert_eq!(serve.as_backup().token(RESOURCE).unwrap().status, 401);
    assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
    serve.end();
}

#[test]
fn wrong_settings_of_one_client_are_told_with_its_name() {
    let azure = Azure::start();
    let fabrikam = Fabrikam::create(&azure);
    for (settings, told) in [
        ("client_id = \"x\"", "the client \"backup\": "),
        ("clientid = \"x\"", "clientid"),
        (
            "target_tenant_id = \"contoso.example\"",
            "the client \"backup\" has a target_tenant_id in its settings",
        ),
        (
            "identity_client_id = \"a\"\nidentity_object_id = \"b\"",
            "the client \"backup\": ",
        ),
    ] {
        let config = reports(&azure) + &fabrikam.client(settings);
        let ended = ended(&mut command(&azure, &config)).expect(2);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    assert_eq!(azure.emulator.requests().len(), 0);
}
