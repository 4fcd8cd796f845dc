use super::*;
use crate::time::{
    Moment,
    tests::{HeldClock, TestClock},
};
use azure_core::base64::encode_url_safe;
use futures::future::BoxFuture;
use tempfile::TempDir;

fn jwt(name: &str, exp: i64) -> String {
    let claims = format!(r#"{{"name":"{name}","exp":{exp}}}"#);
    format!("e30.{}.c2ln", encode_url_safe(claims))
}

/// Later than any time in these tests.
const FAR: i64 = 9_999_999_999;

struct Projected {
    directory: TempDir,
    assertion: TokenFileAssertion,
}

impl Projected {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let assertion = TokenFileAssertion::at(path, "path", clock).unwrap();
        Self {
            directory,
            assertion,
        }
    }

    fn write(&self, content: impl AsRef<[u8]>) {
        fs::write(self.directory.path().join("token"), content).unwrap();
    }

    async fn secret(&self) -> azure_core::Result<String> {
        self.assertion.secret(None).await
    }

    async fn why(&self) -> Error {
        let error = self.secret().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary"), "{shown}");
        let found = Error::find(&error).unwrap();
        assert_eq!(found.stage(), Stage::Assertion);
        assert!(shown.contains("token\\\""), "{shown}");
        found.clone()
    }
}

/// Another process completes the file while the reader pauses.
#[derive(Debug)]
struct Completes {
    clock: Arc<TestClock>,
    path: PathBuf,
    content: String,
}

impl Clock for Completes {
    fn now(&self) -> Moment {
        self.clock.now()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        fs::write(&self.path, &self.content).unwrap();
        self.clock.sleep(duration)
    }
    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        self.clock.spawn(task)
    }
}

#[tokio::test]
async fn each_call_returns_the_current_content_of_the_file() {
    let file = Projected::new(HeldClock::new());
    for name in ["one", "two", "three"] {
        file.write(format!("{}\n", jwt(name, FAR)));
        assert_eq!(file.secret().await.unwrap(), jwt(name, FAR));
    }
    // The token has expired by this host's clock, but the clock of the service decides.
    file.write(jwt("old", 1));
    assert_eq!(file.secret().await.unwrap(), jwt("old", 1));
}

#[tokio::test]
async fn a_half_written_file_is_read_again_for_a_short_time() {
    let directory = tempfile::tempdir().unwrap();
    let (path, whole) = (directory.path().join("token"), jwt("canary", FAR));
    fs::write(&path, &whole[..20]).unwrap();
    let completes = Completes {
        clock: TestClock::new(),
        path: path.clone(),
        content: whole.clone(),
    };
    let file = TokenFileAssertion::at(path, "path", Arc::new(completes)).unwrap();
    assert_eq!(file.secret(None).await.unwrap(), whole);
}

#[tokio::test]
async fn without_a_complete_token_the_last_good_one_is_used_until_it_expires() {
    let clock = TestClock::new();
    let file = Projected::new(Arc::new(Arc::clone(&clock)));
    let exp = Clock::wall(&clock).unix_timestamp() + 600;
    let whole = jwt("canary", exp);
    for cut in [0, 3, whole.len() / 2] {
        file.write(&whole);
        assert_eq!(file.secret().await.unwrap(), whole);
        file.write(&whole[..cut]);
        assert_eq!(file.secret().await.unwrap(), whole);
    }
    fs::remove_file(file.directory.path().join("token")).unwrap();
    assert_eq!(file.secret().await.unwrap(), whole);
    clock.advance(Duration::from_secs(600));
    assert!(file.why().await.is_transient());
}

#[tokio::test]
async fn a_file_without_a_token_is_named_and_its_content_is_not_shown() {
    let file = Projected::new(Arc::new(TestClock::new()));
    let why = file.why().await;
    assert!(why.is_transient(), "{why}");
    for (content, said) in [
        (Vec::new(), "no whole token"),
        (b"canary".to_vec(), "no whole token"),
        (b"canary\xff.canary.canary".to_vec(), "no whole token"),
        (
            jwt("canary", FAR).replace("c2ln", "").into(),
            "no whole token",
        ),
        (
            format!("{}\n{}", jwt("canary", FAR), jwt("canary", FAR)).into(),
            "no whole token",
        ),
        (vec![b'x'; 64 * 1024 + 1], "larger than 64 KiB"),
    ] {
        file.write(content);
        let why = file.why().await;
        assert!(why.to_string().contains(said), "{why}");
        assert!(why.diagnosis().unwrap().to_string().contains("AKS"));
    }
    let path = file.directory.path().join("token");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let why = file.why().await;
    assert!(why.to_string().contains("not a file"), "{why}");
    assert!(!why.is_transient());
}

#[test]
fn a_path_that_cannot_be_a_file_and_a_missing_variable_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().display().to_string();
    let from = |value: &str| {
        let environment = Environment::from([(AZURE_FEDERATED_TOKEN_FILE, value)]);
        TokenFileAssertion::from(&environment, HeldClock::new())
    };
    for (value, said) in [("", "missing or empty"), (&*directory, "is a directory")] {
        let error = from(value).unwrap_err();
        assert_eq!(error.stage(), Stage::Configuration);
        let said_all = error.to_string();
        assert!(
            said_all.contains(AZURE_FEDERATED_TOKEN_FILE) && said_all.contains(said),
            "{said_all}"
        );
    }
    assert!(TokenFileAssertion::new("").is_err());
    assert!(TokenFileAssertion::new(&directory).is_err());
    let later = format!("{directory}/not-there-yet");
    assert!(from(&later).is_ok());
}

#[tokio::test]
async fn a_pipe_is_not_opened() {
    #[cfg(target_os = "linux")]
    {
        let file = Projected::new(Arc::new(TestClock::new()));
        let path = file.directory.path().join("token");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let why = file.why().await;
        assert!(why.to_string().contains("not a file"), "{why}");
    }
}
