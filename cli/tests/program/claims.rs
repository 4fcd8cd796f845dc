use crate::support::{ARM, run, run_with_input};

fn token() -> String {
    run(&["token", "--emulator", "--scope", ARM, "--format", "raw"])
        .expect(0)
        .stdout
}

#[test]
fn claims_are_decoded_and_the_token_is_not_echoed() {
    let token = token();
    for input in [token.clone(), format!("Authorization: Bearer {token}")] {
        let shown = run_with_input(&["claims"], input.as_bytes())
            .without_secrets()
            .expect(0);
        assert!(
            shown
                .stdout
                .contains("11736a4e-0000-4000-8000-000000000002")
        );
        assert!(shown.stdout.contains(", in "), "{}", shown.stdout);
    }
    let json = run_with_input(&["claims", "--json"], token.as_bytes()).without_secrets();
    assert_eq!(json.expect(0).json()["header"]["alg"], "RS256");
}

#[test]
fn what_is_no_token_is_told_without_showing_it() {
    for input in [
        &b""[..],
        b"hidden-secret",
        b"a.hidden-secret.c",
        b"\xff\xfehidden-secret",
        &[b'a'; 2 * 1024 * 1024],
    ] {
        let told = run_with_input(&["claims"], input).expect(2);
        assert!(told.stderr.contains("standard input"), "{}", told.stderr);
        assert!(!told.stderr.contains("hidden"), "{}", told.stderr);
        assert!(told.stderr.len() < 500);
    }
    let told = run_with_input(&["claims"], b" \n").expect(2);
    assert!(told.stderr.contains("it is empty"), "{}", told.stderr);
}
