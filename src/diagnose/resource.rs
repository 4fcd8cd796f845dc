//! A call on a resource with the token.

use super::{LONGEST_EXCHANGE, Walk, bounded, clock::Difference, warnings};
use crate::{
    authority::{is_loopback, quoted},
    diagnosis::{self, ConnectionFailure, Diagnosis, Peer},
    error::{self, Error, Stage},
    headers::header,
    redact,
    report::{ReportStep, StepKind, StepOutcome},
};
use azure_core::{
    credentials::AccessToken,
    http::{
        Method, RawResponse, Request,
        headers::{AUTHORIZATION, CONTENT_TYPE},
    },
};
use std::sync::Arc;
use url::Url;

const KIND: StepKind = StepKind::Resource;

/// Microsoft Learn, "Authorize with Microsoft Entra ID (REST API)": Storage takes a token in this
/// version or a later one, and refuses a request that names none.
const STORAGE_VERSION: &str = "2021-12-02";

impl Walk {
    pub(super) async fn resource(&mut self, token: Option<&AccessToken>) {
        let Some(given) = &self.options.resource_url else {
            return self.found.skipped(KIND, "not asked for");
        };
        // A bad URL is told also where no token came.
        let url = match parse(given) {
            Ok(url) => url,
            Err(error) => return self.found.failed(KIND, None, &error),
        };
        let Some(token) = token else {
            return self
                .found
                .skipped(KIND, "there is no token of the target tenant");
        };
        let clock = Arc::clone(&self.exchange.clock);
        let (start, sent) = (clock.monotonic(), clock.wall());
        let leg = self.exchange.endpoint.leg();
        let asked = async {
            let mut request = request(&url, token.token.secret());
            Ok(leg.send_for_status(&mut request).await)
        };
        let result = bounded(
            clock.as_ref(),
            Stage::TokenEndpoint,
            LONGEST_EXCHANGE,
            asked,
        )
        .await;
        let duration = Some(clock.monotonic().saturating_sub(start));
        let origin = url.origin().ascii_serialization();
        let shown = shown(&url);
        let step = match result {
            Ok(Ok(answer)) => {
                let difference = Difference::of(&answer, sent, clock.wall(), &origin);
                self.found.difference = self.found.difference.take().or(difference);
                let is_page = is_web_page(&answer);
                if answer.status().is_success() && is_page {
                    self.found.warnings.push(warnings::web_page(&shown));
                }
                answered(&shown, &origin, &answer, token.token.secret(), is_page)
            }
            Ok(Err(source)) => {
                let failure = ConnectionFailure::of(&source, Peer::Resource(&origin));
                let summary = format!("{shown} gave no answer: {}", failure.reason);
                ReportStep::failed(KIND, summary, failure.diagnosis)
            }
            Err(error) => return self.found.failed(KIND, duration, &error),
        };
        self.found.steps.push(ReportStep { duration, ..step });
    }
}

fn answered(
    shown: &str,
    origin: &str,
    answer: &RawResponse,
    token: &str,
    is_page: bool,
) -> ReportStep {
    let status = u16::from(answer.status());
    let mut summary = format!("{shown} answered HTTP {status}");
    let step = if answer.status().is_success() {
        let outcome = match is_page {
            true => StepOutcome::Warning,
            false => StepOutcome::Ok,
        };
        ReportStep::new(KIND, outcome, summary)
    } else {
        let error = error::http_response(answer, None, &[token]);
        let diagnosis = Diagnosis::of(&error).unwrap_or_else(|| {
            let words = redact::excerpt(answer.body().as_ref(), &[token]);
            diagnosis::of_resource_status(origin, status).with_answer(words)
        });
        if let Some(words) = diagnosis.answer() {
            // Some of these texts begin with the status.
            let words = words
                .strip_prefix(&format!("HTTP {status}"))
                .unwrap_or(words);
            let words = words.trim_start_matches([',', ':', ' ']);
            if !words.is_empty() {
                summary.push_str(": ");
                summary.push_str(words);
            }
        }
        ReportStep::failed(KIND, summary, diagnosis)
    };
    ReportStep {
        status: Some(status),
        ..step
    }
}

fn request(url: &Url, token: &str) -> Request {
    let mut request = Request::new(url.clone(), Method::Get);
    request.insert_header(AUTHORIZATION, format!("Bearer {token}"));
    if is_storage(url) {
        request.insert_header("x-ms-version", STORAGE_VERSION);
    }
    request
}

/// `account.blob.core.windows.net`, and the like in other clouds.
fn is_storage(url: &Url) -> bool {
    let mut labels = url.host_str().unwrap_or_default().split('.').skip(1);
    let service = labels.next().unwrap_or_default();
    let is_core = labels.next() == Some("core");
    is_core && ["blob", "dfs", "file", "queue", "table"].contains(&service)
}

fn is_web_page(answer: &RawResponse) -> bool {
    let content_type = header(answer.headers(), &CONTENT_TYPE);
    content_type.is_some_and(|it| {
        it.trim_start()
            .to_ascii_lowercase()
            .starts_with("text/html")
    })
}

/// The token goes there, so not in clear beyond this machine.
fn parse(text: &str) -> Result<Url, Error> {
    // What it holds may be a secret, such as a signature in its query.
    let without_query = text.split(['?', '#']).next().unwrap_or_default();
    let wrong = |why: &str| {
        Error::configuration(format!(
            "resource_url is {}, {why}: give an https URL of the resource, such as https://management.azure.com/subscriptions?api-version=2022-12-01",
            quoted(without_query)
        ))
    };
    let url = Url::parse(text).map_err(|_| wrong("which is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::configuration(
            "resource_url contains a user name or a password: leave them out, since the token takes their place",
        ));
    }
    match url.scheme() {
        "https" if url.host().is_some() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(wrong("to which the token would travel in clear")),
        _ => Err(wrong("which is not https")),
    }
}

/// Without the query, which may hold a secret.
fn shown(url: &Url) -> String {
    let text = format!("{}{}", url.origin().ascii_serialization(), url.path());
    redact::excerpt(text.as_bytes(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_over_https_or_to_this_machine_alone() {
        for good in [
            "https://management.azure.com/subscriptions?api-version=1",
            "http://127.0.0.1:10000/account",
            "http://localhost/",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "management.azure.com",
            "http://management.azure.com/",
            "http://localhost.example.com/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "https://me:canary@a.example/",
            "http://a.example/?sig=canary",
        ] {
            let error = parse(bad).unwrap_err();
            let said = format!("{error} {}", error.diagnosis().unwrap());
            assert!(said.contains("resource_url"), "{said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        let url = Url::parse("https://a.example/b?sig=canary#canary").unwrap();
        assert_eq!(shown(&url), "https://a.example/b");
    }

    #[test]
    fn storage_is_told_its_version_in_every_cloud() {
        for (url, is) in [
            ("https://litware.blob.core.windows.net/c", true),
            ("https://litware.dfs.core.chinacloudapi.cn/c", true),
            ("https://litware.vault.azure.net/", false),
            ("https://management.azure.com/", false),
        ] {
            assert_eq!(is_storage(&Url::parse(url).unwrap()), is, "{url}");
        }
    }
}
