//! The OData query options that the emulator's Graph knows: `$filter`, `$select`, `$top`,
//! `$skiptoken`.
//!
//! Microsoft Learn, "Use query parameters to customize Microsoft Graph responses".

use serde_json::{Map, Value};

use crate::{graph::error::Error, wire::http::Request};

/// Microsoft Learn, "Paging Microsoft Graph data in your app": the sizes of directory objects.
const DEFAULT_TOP: usize = 100;
const MAX_TOP: usize = 999;

pub(crate) struct Query<'a> {
    pub(crate) filter: Option<Filter<'a>>,
    select: Option<Vec<&'a str>>,
    pub(crate) top: usize,
    pub(crate) skip: usize,
}

/// `{property} eq '{value}'`.
pub(crate) struct Filter<'a> {
    pub(crate) property: &'a str,
    pub(crate) value: String,
}

impl<'a> Query<'a> {
    pub(crate) fn read(request: &'a Request) -> Result<Query<'a>, Error> {
        for (name, _) in &request.query {
            let known = ["$filter", "$select", "$top", "$skiptoken"].contains(&name.as_str());
            if name.starts_with('$') && !known {
                return Err(Error::bad_request(format!(
                    "The emulator's Microsoft Graph does not know the query option '{name}'."
                )));
            }
        }
        let top = match request.query("$top") {
            None => DEFAULT_TOP,
            Some(text) => text
                .parse()
                .ok()
                .filter(|top| (1..=MAX_TOP).contains(top))
                .ok_or_else(|| {
                    Error::bad_request(format!(
                        "Invalid page size specified: '{text}'. Must be between 1 and {MAX_TOP} \
                         inclusive."
                    ))
                })?,
        };
        let skip = match request.query("$skiptoken") {
            None => 0,
            // Unverified.
            Some(text) => text
                .parse()
                .map_err(|_| Error::bad_request("The skip token is invalid."))?,
        };
        Ok(Query {
            filter: request.query("$filter").map(Filter::read).transpose()?,
            select: request
                .query("$select")
                .map(|names| names.split(',').map(str::trim).collect()),
            top,
            skip,
        })
    }

    /// The properties of `object` that the request selects. `resource` is its type, for example
    /// `application`.
    pub(crate) fn selected(&self, object: Value, resource: &str) -> Result<Value, Error> {
        let (Some(names), Value::Object(object)) = (&self.select, &object) else {
            return Ok(object);
        };
        let mut selected = Map::new();
        for name in names {
            let Some(value) = object.get(*name) else {
                return Err(Error::bad_request(format!(
                    "Parsing OData Select and Expand failed: Could not find a property named \
                     '{name}' on type 'microsoft.graph.{resource}'."
                )));
            };
            selected.insert((*name).to_owned(), value.clone());
        }
        Ok(Value::Object(selected))
    }
}

impl<'a> Filter<'a> {
    fn read(text: &'a str) -> Result<Filter<'a>, Error> {
        let invalid = || Error::bad_request(format!("Invalid filter clause: '{text}'."));
        let (property, value) = text.split_once(" eq ").ok_or_else(invalid)?;
        let value = value
            .trim()
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''))
            .ok_or_else(invalid)?;
        // OData 4.01, URL Conventions, section 5.1.1.14.1: two quotes stand for one.
        let value = value.replace("''", "\u{0}");
        if value.contains('\'') {
            return Err(invalid());
        }
        Ok(Filter {
            property: property.trim(),
            value: value.replace('\u{0}', "'"),
        })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        object
            .get(self.property)
            .and_then(Value::as_str)
            .is_some_and(|value| value.eq_ignore_ascii_case(&self.value))
    }
}
