//! The result of a run: named values, printed as one line of text or as one JSON object.
//!
//! The percentiles are computed here, so that all commands use the same definition.

use std::fmt::Write as _;

/// One value. Its name ends with the unit, such as `_ms`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A measured value.
    Float(f64),
    /// A count.
    Int(u64),
    /// A text.
    Text(String),
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(value as u64)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// The values of one run, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Report(Vec<(&'static str, Value)>);

impl Report {
    /// The names and values.
    pub fn figures(&self) -> &[(&'static str, Value)] {
        &self.0
    }

    /// Starts the report of a command.
    pub(crate) fn new(command: &str) -> Self {
        let mut report = Self::default();
        report.add("command", command);
        report
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    /// Adds a value if it was measured.
    pub(crate) fn add_some(&mut self, name: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// Adds the median, the 99th percentile and the maximum of times in microseconds, as milliseconds.
    pub(crate) fn add_percentiles(&mut self, names: [&'static str; 3], micros: &mut [u32]) {
        micros.sort_unstable();
        for (name, part) in names.into_iter().zip([0.5, 0.99, 1.0]) {
            self.add_some(name, percentile(micros, part).map(|us| f64::from(us) / 1000.0));
        }
    }

    /// The report as one line of text.
    pub fn line(&self) -> String {
        let mut out = String::new();
        for (index, (name, value)) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { "  " };
            let _ = match value {
                Value::Float(n) if n.abs() >= 100.0 => write!(out, "{space}{name} {n:.0}"),
                Value::Float(n) => write!(out, "{space}{name} {n:.3}"),
                Value::Int(n) => write!(out, "{space}{name} {n}"),
                Value::Text(text) if index == 0 => write!(out, "{text}:"),
                Value::Text(text) => write!(out, "{space}{name} {text}"),
            };
        }
        out
    }

    /// The report as a JSON object. Quotes and backslashes in texts are replaced, which is the only escaping that the
    /// texts of the generator need.
    pub fn json(&self) -> String {
        let fields: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| match value {
                Value::Float(n) => format!("\"{name}\": {n:.6}"),
                Value::Int(n) => format!("\"{name}\": {n}"),
                Value::Text(text) => format!("\"{name}\": \"{}\"", text.replace(['"', '\\'], "'")),
            })
            .collect();
        format!("{{{}}}", fields.join(", "))
    }
}

/// The percentile by the nearest rank. `part` is from 0 to 1.
pub(crate) fn percentile(sorted: &[u32], part: f64) -> Option<u32> {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_use_the_nearest_rank() {
        let values: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&values, 0.5), Some(50));
        assert_eq!(percentile(&values, 0.99), Some(99));
        assert_eq!(percentile(&values, 1.0), Some(100));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn a_report_is_written_as_json_and_as_text() {
        let mut report = Report::new("echo");
        report.add("clients", 50_usize);
        report.add("cpu_us", 1.5);
        report.add_some("absent", None::<f64>);
        assert_eq!(report.json(), r#"{"command": "echo", "clients": 50, "cpu_us": 1.500000}"#);
        assert_eq!(report.line(), "echo:  clients 50  cpu_us 1.500");
    }
}
