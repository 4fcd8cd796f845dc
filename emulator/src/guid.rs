//! Random GUIDs: ids of objects, of requests and of tokens.

use uuid::Uuid;

pub(crate) fn guid() -> String {
    Uuid::new_v4().to_string()
}
