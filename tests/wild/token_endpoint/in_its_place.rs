//! What answers in the place of Entra.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    let refusal = r#"{"error":"invalid_client","error_description":"AADSTS7000229: The client application is missing service principal in the tenant.","error_codes":[7000229]}"#;
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(refusal.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    vec![
        case(
            "a byte-order mark",
            Answer::json(401, format!("\u{feff}{refusal}")),
            true,
            Told::by(Target, &["az ad sp create"]).code(7_000_229),
        ),
        case(
            "UTF-16 with its mark",
            Answer::json(401, utf16),
            true,
            Told::by(Target, &["az ad sp create"]).code(7_000_229),
        ),
        case(
            "gzip that was not asked for",
            Answer::of(401, "content-encoding", "gzip", [0x1f, 0x8b, 8, 0, 1, 2]),
            false,
            Told::by(Operator, &["content encoding gzip"]),
        ),
        case(
            "gzip that says it succeeds",
            Answer::of(200, "content-encoding", "gzip", [0x1f, 0x8b, 8, 0, 1, 2]),
            false,
            Told::by(Operator, &["content encoding gzip"]),
        ),
        case(
            "gzip without its header",
            Answer::json(400, [0x1f, 0x8b, 8, 0]),
            false,
            Told::by(Operator, &["gzip"]),
        ),
        case(
            "a proxy's page",
            Answer::of(
                403,
                "content-type",
                "text/html",
                "<html><head><title>Access Denied</title></head><body>Blocked by Contoso Web Gateway</body></html>",
            ),
            false,
            Told::by(
                Operator,
                &["Access Denied", "Blocked by Contoso Web Gateway", "proxy"],
            )
            .never(&["<html>"]),
        ),
        case(
            "a captive portal that says it succeeds",
            Answer::of(200, "content-type", "text/html", "<html>Welcome eyJ</html>"),
            false,
            Told::by(Operator, &["text/html", "captive portal"]).never(&["Welcome"]),
        ),
        case(
            "a redirect",
            Answer::of(302, "location", "https://portal.example/", ""),
            false,
            Told::by(Operator, &["redirect", "never followed"]),
        ),
        case(
            "a proxy that asks for a login",
            Answer::of(407, "proxy-authenticate", "Basic", ""),
            false,
            Told::by(Operator, &["user name and password"]),
        ),
        case(
            "nothing at all",
            Answer::json(403, ""),
            false,
            Told::by(Operator, &["with an empty body"]),
        ),
        case(
            "a gateway that is unwell",
            Answer::of(502, "content-type", "text/html", "<html>Bad Gateway</html>"),
            true,
            Told::by(Nobody, &["Bad Gateway", "Wait"]),
        ),
    ]
}
