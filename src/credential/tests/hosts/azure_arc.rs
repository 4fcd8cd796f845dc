use super::*;
use std::fs;
use tempfile::TempDir;

/// A machine with the agent. Its key files are in the agent's directory, below a root directory of
/// the test.
fn world() -> (World, TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let keys = root.path().join("var/opt/azcmagent/tokens");
    fs::create_dir_all(&keys).unwrap();
    let mut world = World::new(|azure| {
        [
            ("IDENTITY_ENDPOINT", azure.arc_endpoint()),
            ("IMDS_ENDPOINT", azure.imds_url().to_owned()),
        ]
    });
    world.azure.set_arc_key_directory(&keys);
    world.root = Some(root.path().to_owned());
    world.id = None;
    world.add_system_assigned();
    (world, root, keys)
}

#[tokio::test]
async fn the_second_request_has_the_key_that_the_challenge_names() {
    let (world, _root, _) = world();
    let [first, second] = world.succeeds(Endpoint::AzureArc).await.try_into().unwrap();
    assert_eq!((first.status, second.status), (Some(401), Some(200)));
    assert!(first.header("authorization").is_none());
    assert!(second.header("authorization").is_some());
    assert_eq!(first.query, second.query);
    for request in [first, second] {
        assert_eq!(request.method, Method::Get.to_string());
        assert_eq!(request.header("metadata"), Some("true"));
        assert_eq!(request.query("api-version"), Some("2020-06-01"));
        assert_eq!(request.query.len(), 2);
    }
}

#[tokio::test]
async fn its_refusals_are_told_apart() {
    let (world, _root, _) = world();
    says_what_was_answered(&world, Endpoint::AzureArc).await;
    let refused = Fault::json(403, r#"{"error":"unauthorized_client"}"#);
    world.azure.set_fault(
        Endpoint::AzureArc,
        Fault::Delay(Duration::ZERO),
        Times::Count(1),
    );
    world
        .azure
        .add_fault(Endpoint::AzureArc, refused, Times::UntilCleared);
    let told = world.fails().await.diagnosis().unwrap().to_string();
    assert!(told.contains("did not take the key"), "{told}");
}

#[tokio::test]
async fn a_challenge_for_another_file_does_not_send_its_content() {
    let (world, root, keys) = world();
    let outside = root.path().join("outside.key");
    fs::write(&outside, "canary").unwrap();
    fs::write(keys.join("wrong.txt"), "canary").unwrap();
    fs::write(keys.join("large.key"), "canary".repeat(1000)).unwrap();
    fs::write(keys.join("empty.key"), "").unwrap();
    fs::write(keys.join("binary.key"), b"canary\0\xff").unwrap();
    fs::create_dir(keys.join("directory.key")).unwrap();
    let escape = keys.join("../../../../outside.key");
    let mut named = vec![
        (outside.clone(), "own directory"),
        (escape, "own directory"),
        (keys.join("wrong.txt"), "does not end in .key"),
        (keys.join("large.key"), "larger than 4096 bytes"),
        (keys.join("empty.key"), "holds no key"),
        (keys.join("binary.key"), "cannot be read"),
        (keys.join("directory.key"), "not a file"),
        (keys.join("nothing.key"), "not there"),
        (PathBuf::from("relative.key"), "no absolute path"),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&outside, keys.join("link.key")).unwrap();
        named.push((keys.join("link.key"), "own directory"));
    }
    let mut challenges: Vec<_> = named
        .into_iter()
        .map(|(path, why)| (format!("Basic realm={}", path.display()), why))
        .collect();
    challenges.push(("Bearer".to_owned(), "names no file"));
    for (challenge, why) in challenges {
        world.azure.clear_requests();
        let fault = Fault::Response {
            status: 401,
            headers: vec![("WWW-Authenticate".to_owned(), challenge)],
            body: Vec::new(),
        };
        world
            .azure
            .set_fault(Endpoint::AzureArc, fault, Times::UntilCleared);
        let error = world.fails().await;
        assert!(!error.is_transient());
        let told = error.diagnosis().unwrap().to_string();
        assert!(told.contains(why), "{why}: {told}");
        let [request] = world.azure.requests().try_into().unwrap();
        assert!(request.header("authorization").is_none());
    }
}

#[tokio::test]
async fn the_agent_is_found_without_variables_at_its_default_port() {
    let (mut world, root, _) = world();
    world.variables.clear();
    let agent = root.path().join("opt/azcmagent/bin");
    fs::create_dir_all(&agent).unwrap();
    fs::write(agent.join("himds"), "").unwrap();
    let options = ManagedIdentityAssertionOptions {
        // The test never connects to the port of an agent that can run on this machine.
        client_options: crate::transport::scripted::Scripted::new([
            crate::transport::scripted::Step::answer(418, "{}"),
        ])
        .client_options(),
        ..Default::default()
    };
    let credential = world.with(options).unwrap();
    assert_eq!(host_of(&credential), ManagedIdentityHost::AzureArc);
    let error = credential.get_token(&[ARM], None).await.unwrap_err();
    assert!(
        error.to_string().contains("http://127.0.0.1:40342"),
        "{error}"
    );
}

#[test]
fn azure_arc_has_one_identity_and_accepts_no_selector() {
    let (mut world, _root, _) = world();
    for id in [
        UserAssignedId::ClientId(world.scenario.identity_client_id.clone()),
        UserAssignedId::ObjectId(world.scenario.identity_principal_id.clone()),
        UserAssignedId::ResourceId(world.scenario.identity_resource_id.clone()),
    ] {
        world.id = Some(id);
        let why = world.misconfigured();
        assert!(why.contains("Azure Arc cannot choose"), "{why}");
    }
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let (world, _root, keys) = world();
    logs_no_secret(&world, Endpoint::AzureArc, &[]).await;
    // A key file of the test, which the agent does not accept.
    let key = "canary-canary-canary";
    fs::write(keys.join("own.key"), key).unwrap();
    let challenge = Fault::Response {
        status: 401,
        headers: vec![(
            "WWW-Authenticate".to_owned(),
            format!("Basic realm={}", keys.join("own.key").display()),
        )],
        body: Vec::new(),
    };
    let echo = Fault::json(403, &format!(r#"{{"error":"not {key}"}}"#));
    world
        .azure
        .set_fault(Endpoint::AzureArc, challenge, Times::Count(1));
    world
        .azure
        .add_fault(Endpoint::AzureArc, echo, Times::UntilCleared);
    let error = world.fails().await;
    assert!(error.to_string().contains("not [redacted]"), "{error}");
    let asked = world.azure.requests_to(Endpoint::AzureArc);
    let sent = asked.last().unwrap().header("authorization");
    let fingerprint = cross_tenant_identity_emulator::fingerprint(key);
    assert_eq!(sent, Some(&*fingerprint));
}

fn host_of(credential: &CrossTenantManagedIdentityCredential) -> ManagedIdentityHost {
    match &credential.family.exchange.assertion {
        AssertionSource::ManagedIdentity(assertion) => assertion.host(),
        AssertionSource::Given(_) => panic!("a given source"),
    }
}
