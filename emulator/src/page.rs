//! One page of a list: which items are on it, and the link to the next one. Resource Manager and
//! Microsoft Graph have the same `$skiptoken`.

use std::ops::Range;

use crate::wire::http::Request;

const SKIP_TOKEN: &str = "$skiptoken";

pub(crate) struct Page {
    /// The places of its items in the whole list.
    pub(crate) items: Range<usize>,
    /// It has the origin of the request. `None` on the last page.
    pub(crate) next_link: Option<String>,
}

impl Page {
    /// The page that begins at `start` and has at most `size` of `total` items.
    pub(crate) fn new(request: &Request, start: usize, size: usize, total: usize) -> Page {
        let start = start.min(total);
        let end = start.saturating_add(size).min(total);
        Page {
            items: start..end,
            next_link: (end < total).then(|| link(request, end)),
        }
    }
}

/// The request again, from the item `start` on.
fn link(request: &Request, start: usize) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &request.query {
        if name != SKIP_TOKEN {
            query.append_pair(name, value);
        }
    }
    query.append_pair(SKIP_TOKEN, &start.to_string());
    format!(
        "{}{}?{}",
        request.https_origin(),
        request.path,
        query.finish()
    )
}
