//! A response as text: status line, headers, an empty line, body. Any bytes are a valid input.

use crate::transport::scripted::Step;

/// The headers that this crate reads.
pub(super) const READ: [&str; 7] = [
    "content-type",
    "location",
    "retry-after",
    "retry-after-ms",
    "www-authenticate",
    "x-ms-error-code",
    "x-ms-retry-after-ms",
];

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn parse(data: &[u8]) -> Self {
        let end = data.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = data.split_at(end.unwrap_or(0));
        let body = if end.is_some() { &body[4..] } else { body };
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok())
            .filter(|status| (200..=999).contains(status));
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            let known = READ.iter().find(|known| known.eq_ignore_ascii_case(name))?;
            Some((*known, value.trim().to_owned()))
        });
        Self {
            status: status.unwrap_or(200),
            headers: headers.collect(),
            body: body.to_vec(),
        }
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The same status and headers with another body of that length. The first bytes of a
    /// compressed body identify its encoding, so they stay.
    pub(super) fn blotted(&self) -> Self {
        let marks: [&[u8]; 2] = [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd]];
        let mark = marks.iter().find(|mark| self.body.starts_with(mark));
        let mut body = mark.map_or_else(Vec::new, |mark| mark.to_vec());
        body.resize(self.body.len(), b'x');
        Self {
            body,
            ..self.clone()
        }
    }

    pub(super) fn step(&self) -> Step {
        Step::Answer {
            status: self.status,
            headers: self.headers.clone(),
            body: self.body.clone(),
        }
    }
}
