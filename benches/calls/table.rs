//! The results, as a table while they come in and as JSON at the end.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::measure::{Row, Times};
use crate::plugin::Crowd;
use crate::webhook::Load;
use crate::{MOST_BYTES, Result};

/// The results so far.
pub struct Table {
    bytes: u64,
    references: Vec<Value>,
    rows: Vec<Value>,
    crowds: Vec<Crowd>,
    loads: Vec<Load>,
}

impl Table {
    /// Prints the head. `compared` is whether there is another build of it.
    pub fn new(bytes: u64, compared: bool) -> Self {
        println!("size: {bytes} bytes, {MOST_BYTES} at most: {}\n", mark(bytes <= MOST_BYTES));
        let other = if compared { " other ms  ours/other" } else { "" };
        println!(
            "{:<40}{:>8}{:>9}{:>7}  {:<22}{:>6}{:>5}{:>6}{:>7}{:>7}{other}  bare",
            "", "ours ms", "bare ms", "ratio", "at most", "floor", "cpu", "progs", "calls", "KiB"
        );
        Self { bytes, references: Vec::new(), rows: Vec::new(), crowds: Vec::new(), loads: Vec::new() }
    }

    /// Prints a line that is compared with nothing.
    pub fn reference(&mut self, (name, times): (&'static str, Times)) {
        println!("{:<40}{:>8}{:>9.2}", format!("({name})"), "", times.median);
        self.references.push(json!({ "name": name, "times_ms": times }));
    }

    /// Prints a row.
    pub fn row(&mut self, row: Row) {
        let Row { name, ours, bare, floor, other, used, target } = row;
        let ratio = bare.map(|(bare, _)| ours.median / bare.median);
        let on_processors = bare.map(|(bare, _)| ours.processor / bare.processor);
        let least = bare.zip(floor).map(|((bare, _), floor)| floor.median / bare.median);
        let to_other = other.map(|other| ours.median / other.median);
        let bounds: Vec<(String, bool)> = [
            target.ratio.zip(ratio).map(|(most, ratio)| (format!("{most:.2}"), ratio <= most)),
            target.milliseconds.map(|most| (format!("{most} ms"), ours.median < most)),
            target.kib.map(|most| (format!("{} MiB", most / 1024), used.peak_kib < most)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let met = (!bounds.is_empty()).then(|| bounds.iter().all(|(_, met)| *met));
        let bounds: Vec<_> = bounds.iter().map(|(most, met)| format!("{most} {}", mark(*met))).collect();
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.2}"));
        println!(
            "{name:<40}{:>8.2}{:>9}{:>7}  {:<22}{:>6}{:>5}{:>6}{:>7}{:>7}{}  {}",
            ours.median,
            number(bare.map(|(b, _)| b.median)),
            number(ratio),
            bounds.join(", "),
            number(least),
            number(on_processors),
            used.programs,
            used.system_calls,
            used.peak_kib,
            other.map_or_else(String::new, |o| format!("{:>9.2}{:>12}", o.median, number(to_other))),
            bare.map_or("", |(_, what)| what),
        );
        self.rows.push(json!({
            "name": name,
            "ours_ms": ours,
            "bare_ms": bare.map(|(times, _)| times),
            "bare": bare.map(|(_, what)| what),
            "floor_ms": floor,
            "other_ms": other,
            "ratio": ratio,
            "ratio_of_floor": least,
            "ratio_on_processors": on_processors,
            "ratio_to_other": to_other,
            "target": { "ratio": target.ratio, "ms": target.milliseconds, "kib": target.kib, "met": met },
            "programs": used.programs,
            "system_calls": used.system_calls,
            "peak_kib": used.peak_kib,
        }));
    }

    /// Prints what a node with many pods took.
    pub fn crowd(&mut self, crowd: Crowd) {
        if self.crowds.is_empty() {
            println!(
                "\n{:<40}{:>8}{:>10}{:>16}{:>15}{:>12}",
                "many pods on a node", "pods", "all ms", "first tenth ms", "last tenth ms", "slowest ms"
            );
        }
        let Crowd { name, pods, all, first, last, slowest } = &crowd;
        println!("{name:<40}{pods:>8}{all:>10.0}{first:>16.2}{last:>15.2}{slowest:>12.2}");
        self.crowds.push(crowd);
    }

    /// Prints what the webhook did under load.
    pub fn load(&mut self, load: Load) {
        if self.loads.is_empty() {
            println!(
                "\n{:<40}{:>9}{:>14}{:>11}{:>7}{:>9}{:>8}{:>8}",
                "webhook, one processor", "per s", "at least", "median ms", "99 %", "99.9 %", "cpu us", "KiB"
            );
        }
        let least = load.target.map_or_else(String::new, |t| format!("{t:.0} {}", mark(load.per_second >= t)));
        println!(
            "{:<40}{:>9.0}{least:>14}{:>11.2}{:>7.2}{:>9.2}{:>8.0}{:>8}",
            load.name,
            load.per_second,
            load.median,
            load.percentile_99,
            load.percentile_999,
            load.processor,
            load.resident_kib
        );
        self.loads.push(load);
    }

    /// Writes all as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let size = json!({ "bytes": self.bytes, "most": MOST_BYTES, "met": self.bytes <= MOST_BYTES });
        let all = json!({ "size": size, "references": self.references, "rows": self.rows, "crowds": self.crowds, "webhook": self.loads });
        fs::write(path, format!("{all:#}\n"))?;
        println!("\nwritten: {}", path.display());
        Ok(())
    }
}

fn mark(met: bool) -> &'static str {
    if met { "ok" } else { "over" }
}
