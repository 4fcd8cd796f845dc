//! Event Hubs' side of an AMQP connection, as far as a client needs it to read an event hub's
//! properties and to send an event. It imports nothing of the library.
//!
//! What it says no to is what a token is for: without one that was accepted at `$cbs` there are no
//! properties and no links. Whether a token is accepted is the test's to say.

#![forbid(unsafe_code)]

use fe2o3_amqp::{
    Receiver, Sender,
    acceptor::{
        ConnectionAcceptor, LinkAcceptor, LinkEndpoint, ListenerSessionHandle,
        SaslAnonymousMechanism, SessionAcceptor,
    },
    types::{
        messaging::{ApplicationProperties, Body, Message, Properties},
        primitives::{Array, OrderedMap, SimpleValue, Timestamp, Value},
    },
};
use std::{
    collections::HashMap,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
};

/// The event hub that there is.
pub const EVENT_HUB: &str = "greetings";
/// Its partitions.
pub const PARTITIONS: [&str; 2] = ["0", "1"];

/// The peer. It lives on the runtime that it was started on.
pub struct EventHubs {
    endpoint: String,
    tokens: mpsc::UnboundedReceiver<(PutToken, Answer)>,
    events: mpsc::UnboundedReceiver<Vec<u8>>,
}

/// A token on its way to `$cbs` (Microsoft Learn, "AMQP 1.0 in Azure Service Bus and Event Hubs
/// protocol guide", "Claims-based authorization"). `Debug` shows it: an emulator's opens nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct PutToken {
    /// What it shall open.
    pub name: String,
    pub token_type: String,
    pub token: String,
    /// Milliseconds since 1970.
    pub expiration: i64,
}

/// Without the token.
impl fmt::Debug for PutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutToken")
            .field("name", &self.name)
            .field("token_type", &self.token_type)
            .field("expiration", &self.expiration)
            .finish_non_exhaustive()
    }
}

/// Takes the status that the client waits for.
pub type Answer = oneshot::Sender<i32>;

impl EventHubs {
    /// # Errors
    ///
    /// If no port is to be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("amqp://{}", listener.local_addr()?);
        let (put, tokens) = mpsc::unbounded_channel();
        let (sent, events) = mpsc::unbounded_channel();
        let service = Arc::new(Service {
            put,
            sent,
            accepted: Mutex::default(),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&service)));
            }
        });
        Ok(Self {
            endpoint,
            tokens,
            events,
        })
    }

    /// Without TLS: the client would go by the machine's trust, which a test leaves alone.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// The next token to come to `$cbs`, still unanswered.
    pub async fn next_token(&mut self) -> (PutToken, Answer) {
        self.tokens.recv().await.expect("the listener lives on")
    }

    /// The next event's body.
    pub async fn next_event(&mut self) -> Vec<u8> {
        self.events.recv().await.expect("the listener lives on")
    }
}

struct Service {
    put: mpsc::UnboundedSender<(PutToken, Answer)>,
    sent: mpsc::UnboundedSender<Vec<u8>>,
    /// Tokens by what they open.
    accepted: Mutex<HashMap<String, String>>,
}

/// Whatever ends a connection, a session or a link early, the client gets to see.
async fn connection(stream: TcpStream, service: Arc<Service>) -> Option<()> {
    let mut connection = ConnectionAcceptor::builder()
        .container_id("event-hubs")
        .sasl_acceptor(SaslAnonymousMechanism::new())
        .build()
        .accept(stream)
        .await
        .ok()?;
    loop {
        let begun = SessionAcceptor::new().accept(&mut connection).await.ok()?;
        tokio::spawn(session(begun, Arc::clone(&service)));
    }
}

/// The client has a session for each node that it talks to.
async fn session(mut session: ListenerSessionHandle, service: Arc<Service>) -> Option<()> {
    let links = LinkAcceptor::new();
    let LinkEndpoint::Receiver(requests) = links.accept(&mut session).await.ok()? else {
        return None;
    };
    let node = requests.target().as_ref()?.address.clone()?;
    if !node.starts_with('$') {
        return service.take_events(&node, requests).await;
    }
    let LinkEndpoint::Sender(replies) = links.accept(&mut session).await.ok()? else {
        return None;
    };
    service.reply(&node, requests, replies).await
}

impl Service {
    /// A request, and its reply on the other link.
    async fn reply(&self, node: &str, mut requests: Receiver, mut replies: Sender) -> Option<()> {
        loop {
            let delivery = requests.recv::<Body<Value>>().await.ok()?;
            requests.accept(&delivery).await.ok()?;
            let request = Request(delivery.into_message());
            let (status, body) = match node {
                "$cbs" => (self.put_token(&request).await?, Value::Null),
                "$management" => self.read(&request)?,
                _ => return None,
            };
            let reply = Message::builder()
                .properties(Properties {
                    correlation_id: request.0.properties.and_then(|it| it.message_id),
                    ..Default::default()
                })
                .application_properties(
                    ApplicationProperties::builder()
                        .insert("status-code", status)
                        .build(),
                )
                .value(body)
                .build();
            replies.send(reply).await.ok()?;
        }
    }

    async fn put_token(&self, request: &Request) -> Option<i32> {
        if request.text("operation")? != "put-token" {
            return Some(400);
        }
        let put = PutToken {
            name: request.text("name")?,
            token_type: request.text("type")?,
            token: request.token()?,
            expiration: match request.property("expiration")? {
                SimpleValue::Timestamp(expiration) => expiration.milliseconds(),
                _ => return None,
            },
        };
        let (answer, answered) = oneshot::channel();
        self.put.send((put.clone(), answer)).ok()?;
        let status = answered.await.ok()?;
        if status == 202 {
            self.accepted().insert(put.name, put.token);
        }
        Some(status)
    }

    /// As Microsoft's clients ask for an event hub's properties.
    fn read(&self, request: &Request) -> Option<(i32, Value)> {
        let token = request.text("security_token")?;
        if !self.accepted().values().any(|accepted| *accepted == token) {
            return Some((401, Value::Null));
        }
        let is_known = request.text("operation")? == "READ"
            && request.text("type")? == "com.microsoft:eventhub"
            && request.text("name")? == EVENT_HUB;
        if !is_known {
            return Some((404, Value::Null));
        }
        let partitions = PARTITIONS.map(|id| Value::from(id.to_owned()));
        let mut properties = OrderedMap::new();
        for (name, value) in [
            ("name", Value::from(EVENT_HUB.to_owned())),
            ("type", Value::from("com.microsoft:eventhub".to_owned())),
            ("created_at", Value::from(Timestamp::from_milliseconds(0))),
            ("partition_count", Value::from(PARTITIONS.len() as i32)),
            (
                "partition_ids",
                Value::Array(Array::from(partitions.to_vec())),
            ),
        ] {
            properties.insert(Value::from(name.to_owned()), value);
        }
        Some((200, Value::Map(properties)))
    }

    async fn take_events(&self, node: &str, mut link: Receiver) -> Option<()> {
        if !self.accepted().contains_key(node) {
            return None;
        }
        loop {
            let delivery = link.recv::<Body<Value>>().await.ok()?;
            link.accept(&delivery).await.ok()?;
            let body = delivery.into_body().try_into_data().ok()?;
            let bytes = body.flat_map(|part| part.into_vec()).collect();
            self.sent.send(bytes).ok()?;
        }
    }

    fn accepted(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Request(Message<Body<Value>>);

impl Request {
    fn property(&self, name: &str) -> Option<&SimpleValue> {
        self.0.application_properties.as_ref()?.0.get(name)
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.property(name)? {
            SimpleValue::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The body of a `put-token`.
    fn token(&self) -> Option<String> {
        match self.0.body.try_as_value().ok()? {
            Value::String(token) => Some(token.clone()),
            _ => None,
        }
    }
}
