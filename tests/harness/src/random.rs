//! Random numbers that a seed repeats (splitmix64, S. Vigna).

/// A source of random numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// One whose numbers are the same for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// A number below `end`, which may be greater than any place in a list.
    pub fn number_below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// Whether something of this many per cent happens.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of them.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of.get(self.below(of.len())).copied().expect("there is one")
    }

    /// One to `most` of them, without repetition, in random order.
    pub fn some<T: Copy + PartialEq>(&mut self, of: &[T], most: usize) -> Vec<T> {
        let count = 1 + self.below(most);
        let mut chosen: Vec<T> = Vec::new();
        for _ in 0..count {
            let item = self.one(of);
            if !chosen.contains(&item) {
                chosen.push(item);
            }
        }
        chosen
    }
}
