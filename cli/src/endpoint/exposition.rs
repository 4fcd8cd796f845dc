//! The text format of Prometheus (prometheus.io, "Exposition formats").

use std::{fmt::Write, time::Duration};

/// A cached token takes less than the first, a new one up to the last.
const BUCKETS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0];

/// What a scraper wants to read.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The whole name of a metric, after its heading.
pub(super) fn heading(text: &mut String, name: &str, kind: &str, help: &str) -> String {
    let name = format!("cross_tenant_identity_{name}");
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    name
}

/// A line of one number. Labels are given in their order, with values of any kind.
pub(super) fn sample(
    text: &mut String,
    name: &str,
    labels: &[(&str, &str)],
    value: impl std::fmt::Display,
) {
    let labels: Vec<_> = labels
        .iter()
        .map(|(label, of)| format!("{label}=\"{}\"", escaped(of)))
        .collect();
    let _ = match labels.is_empty() {
        true => writeln!(text, "{name} {value}"),
        false => writeln!(text, "{name}{{{}}} {value}", labels.join(",")),
    };
}

fn escaped(label: &str) -> String {
    let label = label.replace('\\', "\\\\").replace('"', "\\\"");
    label.replace('\n', "\\n")
}

/// How long something took, by how often it took up to so many seconds.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Those above the bound before it.
    counts: [u64; BUCKETS.len()],
    all: u64,
    seconds: f64,
}

impl Histogram {
    pub(super) fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(at) = BUCKETS.iter().position(|bound| seconds <= *bound) {
            self.counts[at] += 1;
        }
        self.all += 1;
        self.seconds += seconds;
    }

    pub(super) fn write(&self, text: &mut String, name: &str, labels: &[(&str, &str)]) {
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(self.counts) {
            below += count;
            let bound = bound.to_string();
            sample(
                text,
                &bucket,
                &[labels, &[("le", bound.as_str())]].concat(),
                below,
            );
        }
        sample(
            text,
            &bucket,
            &[labels, &[("le", "+Inf")]].concat(),
            self.all,
        );
        sample(text, &format!("{name}_sum"), labels, self.seconds);
        sample(text, &format!("{name}_count"), labels, self.all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_of_a_histogram_hold_those_below_them() {
        let mut histogram = Histogram::default();
        for milliseconds in [1, 3, 3, 3_600_000] {
            histogram.add(Duration::from_millis(milliseconds));
        }
        let mut text = String::new();
        histogram.write(&mut text, "took", &[("leg", "a\"\\\n")]);
        for line in [
            r#"took_bucket{leg="a\"\\\n",le="0.001"} 1"#,
            r#"took_bucket{leg="a\"\\\n",le="0.005"} 3"#,
            r#"took_bucket{leg="a\"\\\n",le="60"} 3"#,
            r#"took_bucket{leg="a\"\\\n",le="+Inf"} 4"#,
            r#"took_count{leg="a\"\\\n"} 4"#,
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }
}
