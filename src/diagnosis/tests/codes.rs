//! All error numbers of the table, and what an unknown one means.

use super::*;
use std::collections::HashSet;

/// Each number, who has to act, and whether the request is repeated.
pub(super) const CODES: [(u32, Actor, Retry); 85] = {
    use Actor::{
        BothAdministrators as Both, Developer as Dev, HomeAdministrator as Home, Nobody,
        Operator as Op, TargetAdministrator as Target,
    };
    use Retry::{Later, Never, NewAssertionOnce as Again};
    [
        (700_236, Home, Never),
        (7_000_229, Target, Later),
        (700_016, Both, Later),
        (700_211, Home, Later),
        (700_212, Home, Never),
        (7_002_121, Home, Never),
        (7_002_206, Home, Never),
        (700_213, Home, Later),
        (7_002_137, Home, Later),
        (7_002_138, Home, Later),
        (700_214, Home, Never),
        (70021, Home, Later),
        (70025, Home, Later),
        (700_222, Dev, Never),
        (700_226, Dev, Never),
        (700_227, Dev, Never),
        (700_229, Op, Never),
        (700_231, Dev, Never),
        (700_223, Home, Never),
        (700_238, Home, Never),
        (7_002_381, Home, Never),
        (7_000_112, Target, Never),
        (90002, Dev, Never),
        (900_023, Dev, Never),
        (50194, Home, Never),
        (9_001_023, Dev, Never),
        (900_382, Dev, Never),
        (900_432, Dev, Never),
        (700_024, Op, Again),
        (700_027, Op, Again),
        (50012, Op, Again),
        (50013, Op, Again),
        (500_133, Op, Again),
        (50027, Dev, Never),
        (90014, Dev, Never),
        (5_002_738, Dev, Never),
        (5_002_723, Dev, Never),
        (700_021, Dev, Never),
        (7_000_216, Dev, Never),
        (7_000_218, Dev, Never),
        (900_144, Dev, Never),
        (500_011, Target, Never),
        (500_014, Target, Never),
        (50001, Target, Never),
        (70011, Dev, Never),
        (1_002_012, Dev, Never),
        (700_022, Dev, Never),
        (700_023, Dev, Never),
        (53003, Target, Never),
        (530_032, Target, Never),
        (530_035, Target, Never),
        (501_051, Target, Never),
        (50196, Dev, Never),
        (50033, Nobody, Later),
        (90006, Nobody, Later),
        (90012, Nobody, Later),
        (90024, Nobody, Later),
        (90033, Nobody, Later),
        (90055, Nobody, Later),
        (90090, Nobody, Later),
        // Errors that users reported.
        (50166, Nobody, Later),
        (900_612, Nobody, Later),
        (65001, Target, Never),
        (650_052, Target, Never),
        (650_054, Target, Never),
        (65005, Both, Never),
        (65002, Dev, Never),
        (90009, Dev, Never),
        (700_025, Home, Never),
        (500_021, Op, Never),
        (500_212, Home, Never),
        (500_213, Target, Never),
        (50006, Op, Again),
        (9_002_313, Dev, Never),
        (90038, Dev, Never),
        (50049, Dev, Never),
        (28002, Dev, Never),
        (100_007, Dev, Never),
        // Certificate-bound tokens.
        (392_196, Target, Never),
        (500_181, Target, Never),
        (51000, Target, Never),
        (1_000_610, Target, Never),
        // Families.
        (7_002_139, Home, Later),
        (7_000_161, Both, Later),
        (530_039, Target, Never),
    ]
};

#[test]
fn every_code_of_the_table_has_its_own_explanation() {
    let mut seen = HashSet::new();
    for (code, who, retry) in CODES {
        let (told, again) = Asked::of(code).both();
        assert_eq!(told.code(), Some(code));
        assert_eq!(told.who(), who, "{code}: {told}");
        assert_eq!(again, retry, "{code}");
        assert!(
            seen.insert(told.what_happened().to_owned()),
            "{code}: {told}"
        );
        for text in [told.what_happened(), told.what_to_do()] {
            assert!(text.ends_with('.') && is_clean(text), "{code}: {text}");
            assert!(
                !text.contains(['{', '}']) && !text.contains("  "),
                "{code}: {text}"
            );
            assert!(text.len() < 700, "{code}: {text}");
        }
    }
}

#[test]
fn an_unknown_longer_number_uses_the_row_of_its_family() {
    let told = Asked::of(7_002_139).told();
    assert_eq!(told.code(), Some(7_002_139));
    assert!(
        told.what_happened()
            .starts_with("This version does not know AADSTS7002139 itself")
    );
    assert!(told.what_happened().contains("subject differs"));
    // An exact row wins over the row of its family.
    let case_only = Asked::of(7_002_138).told();
    assert!(case_only.what_happened().contains("upper and lower case"));
    assert!(!case_only.what_happened().contains("does not know"));
}

#[test]
fn a_number_of_another_family_is_not_explained_wrongly() {
    for code in [
        7_000_215,
        7_000_222,
        7_000_114,
        500_121,
        500_131,
        1,
        0,
        u32::MAX,
    ] {
        let (told, again) = Asked::of(code).both();
        assert!(is_unknown(&told), "{code}: {told}");
        assert_eq!((told.code(), again), (Some(code), Retry::Never), "{code}");
    }
}

fn is_unknown(told: &Diagnosis) -> bool {
    told.what_happened()
        .contains("a reason that this version does not know")
}

#[test]
fn the_first_known_code_decides_and_a_description_stands_in_for_the_list() {
    let mut asked = Asked::of(1);
    asked.codes = vec![1, 700_024, 700_213];
    assert_eq!(asked.told().code(), Some(700_024));
    asked.codes.clear();
    asked.description = "AADSTS700213: No matching …".into();
    assert_eq!(asked.told().code(), Some(700_213));
    asked.description = "AADSTS: AADSTSx AADSTS99999999999999999 no number".into();
    assert!(is_unknown(&asked.told()) && asked.told().code().is_none());
}

#[test]
fn without_a_known_code_status_and_error_decide() {
    let mut asked = Asked::of(1);
    for (status, error, retry) in [
        (400, Some("temporarily_unavailable"), Retry::Later),
        (429, None, Retry::Later),
        (408, None, Retry::Later),
        (503, Some("server_error"), Retry::Later),
        (400, Some("invalid_grant"), Retry::Never),
        (302, None, Retry::Never),
    ] {
        (asked.status, asked.error) = (status, error);
        let (told, again) = asked.both();
        assert_eq!(again, retry, "{status} {error:?}");
        let waits = retry == Retry::Later;
        assert_eq!(
            told.who() == Actor::Nobody,
            waits,
            "{status} {error:?}: {told}"
        );
    }
    // A number never makes an outage permanent.
    let mut outage = Asked::of(700_236);
    outage.status = 503;
    assert_eq!(outage.both().1, Retry::Later);
}

#[test]
fn the_first_thing_to_do_fits_on_one_line() {
    for (code, ..) in CODES {
        let told = Asked::of(code).told();
        assert!(
            told.first_step().len() <= 180,
            "{code}: {}",
            told.first_step()
        );
    }
}
