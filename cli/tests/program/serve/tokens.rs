//! Who gets which token.

use super::running::{Serve, both};
use crate::{
    client::{RESOURCE, tenant},
    support::Azure,
};

#[cfg(unix)]
#[test]
fn each_client_gets_tokens_of_its_own_tenant_for_its_own_resources() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let backup = serve.as_backup();
    for (client, resource, expected) in [
        (&serve.endpoint, RESOURCE, &azure.scenario.target_tenant_id),
        (
            &backup,
            "https://storage.azure.com",
            &azure.scenario.home_tenant_id,
        ),
    ] {
        let token = client.token(resource).unwrap().json();
        assert_eq!(&tenant(token["access_token"].as_str().unwrap()), expected);
        assert!(token["expires_on"].as_str().unwrap().parse::<u64>().is_ok());
        assert_eq!(token["resource"], resource);
    }
    let refused = backup.token(RESOURCE).unwrap();
    assert_eq!(refused.status, 403);
    assert!(
        refused.message().contains("the client backup")
            || refused.message().contains("The client backup")
    );
    let query = format!(
        "api-version=2019-08-01&resource={RESOURCE}&tenant_id={}",
        azure.scenario.home_tenant_id
    );
    assert_eq!(serve.endpoint.ask(&query, &[]).unwrap().status, 403);
    let log = serve.end();
    assert_eq!(log.matches("\"outcome\":\"forbidden\"").count(), 2, "{log}");
}
