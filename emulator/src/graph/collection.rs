//! Responses with one object or with a page of objects.

use serde_json::{Value, json};

use crate::{
    graph::{HOST, error::Error, query::Query},
    page::Page,
    wire::http::{Request, Response},
};

/// The objects that a caller finds, and their names in OData.
pub(crate) struct Collection<'a> {
    pub(crate) request: &'a Request,
    /// The largest page of the emulator.
    pub(crate) page_size: usize,
    /// The type of the objects, for example `servicePrincipal`.
    pub(crate) resource: &'static str,
    /// Their place in `@odata.context`, for example `servicePrincipals`.
    pub(crate) context: String,
    /// The properties that a filter may name.
    pub(crate) filterable: &'static [&'static str],
}

impl Collection<'_> {
    pub(crate) fn one(&self, object: Value) -> Result<Response, Error> {
        let mut body = Query::read(self.request)?.selected(object, self.resource)?;
        body["@odata.context"] = json!(format!("{}/$entity", self.context()));
        Ok(Response::json(200, &body))
    }

    /// One page of `all`, and the link to the next page.
    pub(crate) fn page(&self, mut all: Vec<Value>) -> Result<Response, Error> {
        let query = Query::read(self.request)?;
        if let Some(filter) = &query.filter {
            if !self.filterable.contains(&filter.property) {
                return Err(Error::unsupported_filter(filter.property, self.resource));
            }
            all.retain(|object| filter.matches(object));
        }
        let size = query.top.min(self.page_size);
        let Page { items, next_link } = Page::new(self.request, query.skip, size, all.len());
        let page = all
            .drain(items)
            .map(|object| query.selected(object, self.resource))
            .collect::<Result<Vec<_>, _>>()?;
        let mut body = json!({"@odata.context": self.context(), "value": page});
        if let Some(link) = next_link {
            body["@odata.nextLink"] = json!(link);
        }
        Ok(Response::json(200, &body))
    }

    fn context(&self) -> String {
        format!("https://{HOST}/v1.0/$metadata#{}", self.context)
    }
}
