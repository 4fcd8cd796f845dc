//! What a person reads and copies.

use super::{codes::CODES, *};

#[test]
fn a_value_for_copying_is_not_shortened() {
    let issuer = format!("https://eastus2.oic.prod-aks.azure.com/{HOME}/{IDENTITY}/");
    let mut asked = Asked::of(700_211);
    asked.claims = Some(Claims {
        iss: Some(issuer.clone()),
        sub: Some("system:serviceaccount:default:sa".into()),
        ..Claims::default()
    });
    let told = asked.told();
    assert!(told.what_to_do().contains(&format!("{issuer:?}")), "{told}");
    assert!(told.first_step().contains(&issuer), "{told}");
    // The tenant of the cluster is not the tenant of the app.
    assert!(texts(&told)[0].contains("<home tenant id>"), "{told}");
}

#[test]
fn a_wrong_scope_is_shown_with_the_right_one() {
    let mut asked = Asked::of(1_002_012);
    asked.scopes = "https://storage.azure.com";
    assert!(
        asked
            .told()
            .what_to_do()
            .contains("\"https://storage.azure.com/.default\"")
    );
}

#[test]
fn hostile_claims_reach_no_command_and_are_escaped_in_prose() {
    for bad in [
        "'; reboot; '",
        "$(reboot)",
        "\u{1b}[31mreboot\u{202e}\n\r\0",
        "https://evil.example/'reboot",
        "{app} reboot",
        "eyJhbGciOiJub25lIn0.eyJyZWJvb3QiOjF9.c2lnbmF0dXJl-reboot",
    ] {
        for (code, ..) in CODES {
            for home in [HOME, TARGET] {
                let mut asked = Asked::of(code);
                asked.tenant = home;
                let text = Some(bad.to_owned());
                asked.claims = Some(Claims {
                    iss: text.clone(),
                    sub: text.clone(),
                    aud: text.clone(),
                    tid: text.clone(),
                    azp: text.clone(),
                    idtyp: text.clone(),
                    oid: text.clone(),
                    xms_mirid: text.clone(),
                    iat: Some(i64::MAX),
                    exp: Some(i64::MIN),
                });
                asked.description =
                    format!("AADSTS{code}: assertion subject '{bad}'. in the tenant '{bad}'");
                let told = asked.told();
                for command in texts(&told) {
                    assert!(!command.contains("reboot"), "{command}");
                }
                assert!(told.to_string().lines().all(is_clean), "{told}");
                assert!(!told.to_string().contains("eyJ"), "{told}");
            }
        }
    }
}

#[test]
fn an_unknown_value_is_a_placeholder_in_quotes() {
    let mut asked = Asked::of(700_213);
    asked.claims = None;
    let told = asked.told();
    assert!(
        texts(&told)[0].starts_with("az login --tenant '<home tenant id>'"),
        "{told}"
    );
    for command in texts(&told) {
        let outside: String = command.split('\'').step_by(2).collect();
        assert!(!outside.contains(['<', '>']), "{command}");
    }
}

#[test]
fn the_text_labels_each_of_its_parts() {
    let told = Asked::of(7_000_229).told().with_support_ids([
        ("Trace ID", "t1".to_owned()),
        ("correlation ID", "c1".to_owned()),
    ]);
    let text = told.to_string();
    let starts: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with(' ') && !line.is_empty())
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            "What happened",
            "Who has to act",
            "What to do",
            "Azure CLI:",
            "PowerShell:",
            "More",
            "More",
            "For support",
        ]
    );
    assert!(text.contains("Who has to act: the target tenant's administrator\n"));
    assert!(
        text.ends_with("For support: Trace ID t1, correlation ID c1"),
        "{text}"
    );
    let indented = text.lines().filter(|line| line.starts_with("    ")).count();
    assert_eq!(indented, told.commands().len());
}

#[test]
fn a_sentence_ends_at_its_full_stop_and_not_inside_a_value() {
    for (text, first) in [
        ("Set it to \"a. b\". Then wait.", "Set it to \"a. b\"."),
        (
            "Set it to \"a\\\". b\". Then wait.",
            "Set it to \"a\\\". b\".",
        ),
        (
            "Ask for x.default at once. Wait.",
            "Ask for x.default at once.",
        ),
        ("Only one.", "Only one."),
        ("", ""),
    ] {
        assert_eq!(first_sentence(text), first);
    }
}

#[test]
fn values_are_cut() {
    let mut asked = Asked::of(700_213);
    asked.claims.as_mut().unwrap().sub = Some("x y ".repeat(5000));
    assert!(asked.told().to_string().len() < 4000);
}
