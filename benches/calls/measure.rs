//! Runs in turn, and their result.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cases::{Prepared, Target};
use crate::programs::{Program, Took, Work, run};
use crate::trace::{self, Used};
use crate::{Result, namespace};

/// A row that takes longer than this ends earlier, with at least [`FEWEST`] rounds.
const LONGEST: Duration = Duration::from_secs(15);
/// How many times as often something is measured whose goal a few per cent decide.
const CLOSE: usize = 4;
/// Fewer rounds than this are no measurement, whatever they take.
const FEWEST: usize = 7;

/// What the runs of one side took, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Times {
    pub median: f64,
    pub first_quartile: f64,
    pub third_quartile: f64,
    /// The median of the time on processors.
    pub processor: f64,
    pub runs: usize,
}

impl Times {
    pub fn of(runs: &[Took]) -> Self {
        let quantile = |of: fn(&Took) -> Duration, parts: usize| {
            let mut times: Vec<_> = runs.iter().map(of).collect();
            times.sort_unstable();
            let place = (times.len().saturating_sub(1) * parts) as f64 / 4.0;
            let at = |place: f64| times.get(place as usize).map_or(f64::NAN, |t| t.as_secs_f64() * 1e3);
            at(place.floor()) + (at(place.ceil()) - at(place.floor())) * place.fract()
        };
        Self {
            median: quantile(|t| t.time, 2),
            first_quartile: quantile(|t| t.time, 1),
            third_quartile: quantile(|t| t.time, 3),
            processor: quantile(|t| t.processor, 2),
            runs: runs.len(),
        }
    }
}

/// A row of the table.
pub struct Row {
    pub name: String,
    pub ours: Times,
    /// The bare programs, and what they are called.
    pub bare: Option<(Times, &'static str)>,
    /// What has to be done at least.
    pub floor: Option<Times>,
    /// The other build of this program.
    pub other: Option<Times>,
    pub used: Used,
    pub target: Target,
}

/// Measures this program, the bare programs, the floor and `compare`, another build of this program, in turn; each begins
/// as often as the rest.
pub fn row(case: &Prepared, compare: Option<&Path>, rounds: usize) -> Result<Row> {
    let is_close = case.target.of_floor.is_some() || case.target.above_floor.is_some();
    let rounds = if is_close { rounds * CLOSE } else { rounds };
    let mut sides: Vec<Work> = vec![vec![vec![case.ours.clone()]]];
    sides.extend(case.bare.iter().map(|(work, _)| work.clone()));
    sides.extend(case.floor.iter().map(|floor| vec![vec![floor.clone()]]));
    sides.extend(compare.map(|path| vec![vec![case.ours.by(path)]]));
    let mut times = vec![Vec::with_capacity(rounds); sides.len()];
    let start = Instant::now();
    for round in 0..rounds {
        if round >= FEWEST && start.elapsed() > LONGEST {
            break;
        }
        let mut turns: Vec<_> = sides.iter().zip(&mut times).collect();
        let turn = round % turns.len();
        turns.rotate_left(turn);
        for (work, times) in turns {
            prepare(&case.before)?;
            times.push(run(work)?);
        }
    }
    prepare(&case.before)?;
    let used = trace::run(&case.ours)?;
    let mut times = times.iter().map(|runs| Times::of(runs));
    let ours = times.next().ok_or("nothing was measured")?;
    let bare = case.bare.as_ref().and_then(|(_, what)| Some((times.next()?, *what)));
    let floor = case.floor.as_ref().and_then(|_| times.next());
    Ok(Row { name: case.name.clone(), ours, bare, floor, other: times.next(), used, target: case.target })
}

/// A namespace after this work.
pub fn prepare(before: &Work) -> Result<()> {
    namespace::fresh()?;
    run(before)?;
    namespace::settle();
    Ok(())
}

/// The references at the end of the table: the cost of making a namespace, which is in no figure, and the start of a
/// program that does nothing, which is in all.
pub fn references(rounds: usize) -> Result<[(&'static str, Times); 2]> {
    let nothing = vec![vec![Program::named("true", &[])?]];
    let (mut making, mut starting) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let time = namespace::fresh()?;
        making.push(Took { time, processor: time });
        namespace::settle();
        starting.push(run(&nothing)?);
    }
    Ok([("a namespace, in no figure below", Times::of(&making)), ("true, its start is in all", Times::of(&starting))])
}
