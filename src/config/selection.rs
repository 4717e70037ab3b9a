//! Lists with `*`.

/// Which of something are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection<T> {
    /// None.
    None,
    /// All but these (`*`).
    AllExcept(Vec<T>),
    /// Only these, in the order given.
    Only(Vec<T>),
}

impl<T> Selection<T> {
    /// Only these; none if the list is empty.
    pub fn only(items: Vec<T>) -> Self {
        if items.is_empty() { Self::None } else { Self::Only(items) }
    }

    /// Whether nothing at all is meant.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The listed items, if only those are meant.
    pub fn listed(&self) -> &[T] {
        match self {
            Self::Only(items) => items,
            Self::None | Self::AllExcept(_) => &[],
        }
    }
}
