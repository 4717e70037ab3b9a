//! Floats as Go's `strconv.FormatFloat` prints them with format `g` and the shortest precision.

/// A double: `0.5`, `1e+06`, `.inf`.
pub(super) fn general64(f: f64) -> String {
    general(&format!("{f:e}"), || f.to_string())
}

/// The same of a single.
pub(super) fn general32(f: f32) -> String {
    general(&format!("{f:e}"), || f.to_string())
}

/// With the shortest precision, the exponent form begins at 1e6 and ends at 1e-5.
fn general(scientific: &str, plain: impl Fn() -> String) -> String {
    match scientific {
        "inf" => return ".inf".to_owned(),
        "-inf" => return "-.inf".to_owned(),
        "NaN" => return ".nan".to_owned(),
        _ => {}
    }
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific.to_owned() };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return plain();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_printed_as_go_does() {
        let floats = [0.5, 1e6, 999_999.0, 1_234_567.5, 1e-4, 1e-5, -2.5e300, 1e21, f64::INFINITY, f64::NAN];
        let texts =
            ["0.5", "1e+06", "999999", "1.2345675e+06", "0.0001", "1e-05", "-2.5e+300", "1e+21", ".inf", ".nan"];
        assert_eq!(floats.map(general64), texts);
        assert_eq!(general32(1.1), "1.1");
        assert_eq!(general32(16_777_217.0), "1.6777216e+07");
    }
}
