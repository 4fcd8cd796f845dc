//! Reads a file of HTTP requests, in the format of the REST Client of Visual Studio Code: variables
//! (`@name = value`), requests that `###` separates and `# @name` names, and `{{…}}` for a variable or a
//! field of an earlier answer.

use serde_json::Value;
use std::collections::HashMap;

pub struct HttpFile {
    variables: Vec<(String, String)>,
    pub steps: Vec<Step>,
}

#[derive(Default)]
pub struct Step {
    pub name: String,
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl HttpFile {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut variables = Vec::new();
        let mut steps = Vec::new();
        for part in text.split("\n###") {
            let mut step = Step::default();
            let mut lines = part.lines().map(str::trim_end);
            // The first line is the title.
            lines.next();
            for line in &mut lines {
                if let Some(name) = line.strip_prefix("# @name ") {
                    step.name = name.to_owned();
                } else if let Some((name, value)) =
                    line.strip_prefix('@').and_then(|it| it.split_once(" = "))
                {
                    variables.push((name.to_owned(), value.to_owned()));
                } else if !line.is_empty() && !line.starts_with('#') {
                    let (method, url) = line.split_once(' ').ok_or(format!("no URL: {line}"))?;
                    (step.method, step.url) = (method.to_owned(), url.to_owned());
                    break;
                }
            }
            if step.method.is_empty() {
                continue;
            }
            if step.name.is_empty() {
                return Err(format!("a request without a name: {}", step.url));
            }
            for line in lines.by_ref().take_while(|line| !line.is_empty()) {
                let (name, value) = line.split_once(": ").ok_or(format!("no header: {line}"))?;
                step.headers.push((name.to_owned(), value.to_owned()));
            }
            step.body = body(lines);
            steps.push(step);
        }
        Ok(Self { variables, steps })
    }

    pub fn values(&self) -> Values {
        Values {
            variables: self.variables.clone(),
            answers: HashMap::new(),
        }
    }
}

/// A line of a form that begins with `&` belongs to the line before.
fn body<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<_> = lines.collect();
    lines.join("\n").trim().replace("\n&", "&")
}

pub struct Values {
    variables: Vec<(String, String)>,
    answers: HashMap<String, Value>,
}

impl Values {
    /// Fails the test if the file has no such variable.
    pub fn replace(&mut self, name: &str, value: &str) {
        let known = self.variables.iter_mut().find(|it| it.0 == name);
        value.clone_into(&mut known.unwrap_or_else(|| panic!("no @{name}")).1);
    }

    pub fn add_answer(&mut self, step: &str, answer: &Value) {
        self.answers.insert(step.to_owned(), answer.clone());
    }

    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(format!("no end: {text}"))?;
            filled += before;
            filled += &self.value(name)?;
            rest = after;
        }
        Ok(filled + rest)
    }

    fn value(&self, name: &str) -> Result<String, String> {
        if let Some((_, value)) = self.variables.iter().find(|it| it.0 == name) {
            return self.fill(value);
        }
        // A value of the environment stays as it is: it is a secret, and the tests have none.
        if name.starts_with("$processEnv ") {
            return Ok(name.to_owned());
        }
        let field = name
            .split_once(".response.body.$.")
            .and_then(|(step, field)| self.answers.get(step)?.get(field)?.as_str());
        field
            .map(str::to_owned)
            .ok_or(format!("{{{{{name}}}}} is not defined before its use"))
    }
}
