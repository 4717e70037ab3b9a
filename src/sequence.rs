//! What two lists have in common.

/// The places of a common subsequence of two lists: what is the same at both ends, and between the ends
/// the longest, if that is not too much work, else what is found going forward.
pub fn common<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    const MOST_CELLS: usize = 1 << 22;
    let pairs = || a.iter().zip(b);
    let head = pairs().take_while(|(x, y)| same(x, y)).count();
    let most = a.len().min(b.len()) - head;
    let tail = a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(x, y)| same(x, y)).count();
    let middle_a = a.get(head..a.len() - tail).unwrap_or_default();
    let middle_b = b.get(head..b.len() - tail).unwrap_or_default();
    let middle = if middle_a.len().saturating_mul(middle_b.len()) <= MOST_CELLS {
        longest(middle_a, middle_b, same)
    } else {
        forward(middle_a, middle_b, same)
    };
    let mut places: Vec<_> = (0..head).map(|i| (i, i)).collect();
    places.extend(middle.into_iter().map(|(i, j)| (i + head, j + head)));
    places.extend((0..tail).rev().map(|i| (a.len() - 1 - i, b.len() - 1 - i)));
    places
}

/// The longest common subsequence, by dynamic programming.
fn longest<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut length = vec![0_u32; (a.len() + 1) * width];
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for (i, x) in a.iter().enumerate().rev() {
        for (j, y) in b.iter().enumerate().rev() {
            let best = if same(x, y) {
                at(&length, i + 1, j + 1) + 1
            } else {
                at(&length, i + 1, j).max(at(&length, i, j + 1))
            };
            if let Some(cell) = length.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let (mut i, mut j, mut places) = (0, 0, Vec::new());
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if same(x, y) {
            places.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if at(&length, i + 1, j) >= at(&length, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    places
}

fn forward<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let (mut from, mut places) = (0, Vec::new());
    for (i, x) in a.iter().enumerate() {
        // A bounded look ahead: a long list that has little in common must not cost its square.
        let ahead = b.get(from..).unwrap_or_default().iter().take(1_000).position(|y| same(x, y));
        if let Some(j) = ahead {
            places.push((i, from + j));
            from += j + 1;
        }
    }
    places
}
