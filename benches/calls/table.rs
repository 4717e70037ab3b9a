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
            "{:<40}{:>8}{:>9}{:>7}{:>10}{:>6}{:>6}{:>7}{:>7}{other}  {:<33}goal",
            "", "ours ms", "bare ms", "ratio", "floor ms", "cpu", "progs", "calls", "KiB", "bare"
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
        let of_floor = floor.map(|floor| ours.median / floor.median);
        let above =
            bare.zip(floor).map(|((bare, _), floor)| (ours.median - floor.median) / (bare.median - floor.median));
        let to_other = other.map(|other| ours.median / other.median);
        let goals: Vec<(String, bool)> = [
            target.of_floor.zip(of_floor).map(|(most, is)| (format!("{is:.2} of floor, at most {most}"), is <= most)),
            target
                .above_floor
                .zip(above)
                .map(|(most, is)| (format!("{is:.2} above floor, at most {most}"), is <= most)),
            target.milliseconds.map(|most| (format!("{most} ms"), ours.median < most)),
            target.kib.map(|most| (format!("{} MiB", most / 1024), used.peak_kib < most)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let met = (!goals.is_empty()).then(|| goals.iter().all(|(_, met)| *met));
        let goals: Vec<_> = goals.iter().map(|(goal, met)| format!("{goal}: {}", mark(*met))).collect();
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.2}"));
        println!(
            "{name:<40}{:>8.2}{:>9}{:>7}{:>10}{:>6}{:>6}{:>7}{:>7}{}  {:<33}{}",
            ours.median,
            number(bare.map(|(b, _)| b.median)),
            number(ratio),
            number(floor.map(|f| f.median)),
            number(on_processors),
            used.programs,
            used.system_calls,
            used.peak_kib,
            other.map_or_else(String::new, |o| format!("{:>9.2}{:>12}", o.median, number(to_other))),
            bare.map_or("", |(_, what)| what),
            goals.join(", "),
        );
        self.rows.push(json!({
            "name": name,
            "ours_ms": ours,
            "bare_ms": bare.map(|(times, _)| times),
            "bare": bare.map(|(_, what)| what),
            "floor_ms": floor,
            "other_ms": other,
            "ratio": ratio,
            "ratio_to_floor": of_floor,
            "ratio_above_floor": above,
            "ratio_on_processors": on_processors,
            "ratio_to_other": to_other,
            "target": { "of_floor": target.of_floor, "above_floor": target.above_floor, "ms": target.milliseconds, "kib": target.kib, "met": met },
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
