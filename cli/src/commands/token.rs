//! `token`: an access token of the target tenant.

use crate::{
    azure::Connection,
    jwt::{self, Jwt},
    outcome::{Failure, Outcome},
    output::{self, BOLD},
};
use azure_core::{
    credentials::{AccessToken, TokenCredential},
    time::to_rfc3339,
};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::fmt::Write;

const MORE: &str = "\
Without --show-token and --format no token is printed, so the output can be shown to anybody.

A token is a secret. To keep it out of the list of processes and of the shell's history:
  curl --header @<(cross-tenant-identity token --scope SCOPE --format header) URL";

#[derive(Args, Debug)]
#[command(after_help = MORE)]
pub(crate) struct TokenArguments {
    /// What the token is for, such as https://storage.azure.com/.default. May be repeated.
    #[arg(long = "scope", required = true, value_name = "SCOPE")]
    scopes: Vec<String>,

    /// Print the token, too. It is a secret.
    #[arg(long)]
    show_token: bool,

    /// Print the token alone, for a script. It is a secret.
    #[arg(long, value_enum, conflicts_with_all = ["json", "show_token"])]
    format: Option<Format>,

    /// Print an object for programs: expiry and claims, and the token only with --show-token.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// An HTTP header line: "Authorization: Bearer TOKEN".
    Header,
    /// An object with access_token, token_type, expires_on (seconds since 1970) and tenant.
    Json,
    /// The token and nothing else.
    Raw,
}

impl TokenArguments {
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        let azure = self.connection.azure(None)?;
        let scopes: Vec<_> = self.scopes.iter().map(String::as_str).collect();
        let token = azure.credential()?.get_token(&scopes, None).await?;
        let tenant = &azure.settings.target_tenant_id;
        match self.format {
            Some(Format::Header) => {
                output::print(&format!("Authorization: Bearer {}", token.token.secret()))?;
            }
            Some(Format::Raw) => output::print(token.token.secret())?,
            Some(Format::Json) => output::print_json(&json!({
                "access_token": token.token.secret(),
                "token_type": "Bearer",
                "expires_on": token.expires_on.unix_timestamp(),
                "tenant": tenant,
            }))?,
            None if self.json => output::print_json(&self.object(&token, tenant))?,
            None => output::print(&self.text(&token, tenant))?,
        }
        Ok(Outcome::Ok)
    }

    fn object(&self, token: &AccessToken, tenant: &str) -> Value {
        let claims = Jwt::read(token.token.secret()).ok().map(|jwt| jwt.claims);
        let mut object = json!({
            "tenant": tenant,
            "scopes": self.scopes,
            "expires_at": to_rfc3339(&jwt::in_seconds(token.expires_on)),
            "claims": claims,
        });
        if self.show_token {
            object["token"] = token.token.secret().into();
        }
        object
    }

    fn text(&self, token: &AccessToken, tenant: &str) -> String {
        let mut text = format!(
            "{BOLD}A token of {tenant} for {}{BOLD:#}\n  {:<16} {}\n",
            self.scopes.join(" "),
            "expires",
            jwt::moment(&token.expires_on)
        );
        match Jwt::read(token.token.secret()) {
            Ok(jwt) => {
                for (name, value) in jwt.lines() {
                    let _ = writeln!(text, "  {name:<16} {value}");
                }
            }
            // Only its receiver has to read it.
            Err(why) => text.push_str(&format!("  its claims cannot be shown: {why}\n")),
        }
        if self.show_token {
            let _ = writeln!(text, "\n{}", token.token.secret());
        }
        text
    }
}
