//! Objects and functions of the host program, limits, errors, threads.

use super::super::*;
use super::data;

/// A pointer to a struct, as an object of the host program.
struct Pod {
    nil: bool,
}

impl Object for Pod {
    fn type_name(&self) -> std::borrow::Cow<'_, str> {
        "*v1.Pod".into()
    }

    fn kind(&self) -> Kind {
        Kind::Pointer
    }

    fn is_nil(&self) -> bool {
        self.nil
    }

    fn field(&self, name: &str) -> Field {
        match name {
            "GetName" => Field::Value(if self.nil { "" } else { "pod" }.into()),
            "Fail" => Field::Failed("no".into()),
            "Name" if self.nil => Field::NilPointer,
            "Name" => Field::Value("pod".into()),
            _ => Field::Unknown,
        }
    }

    fn target(&self) -> Option<Value> {
        (!self.nil).then(|| "the pod".into())
    }

    fn to_data(&self) -> Result<crate::value::Value, Failure> {
        Ok("pod".into())
    }
}

/// A named number with a name for each value.
struct Mode(i64);

impl Object for Mode {
    fn type_name(&self) -> std::borrow::Cow<'_, str> {
        "v1.Mode".into()
    }

    fn kind(&self) -> Kind {
        Kind::Int(IntType::Int32)
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::Int(self.0, IntType::Int32))
    }

    fn text(&self) -> Option<value::EcoString> {
        Some(if self.0 == 0 { "NONE" } else { "TPROXY" }.into())
    }

    fn to_data(&self) -> Result<crate::value::Value, Failure> {
        Ok(self.0.into())
    }
}

fn with_host(text: &str) -> String {
    let mut functions = Functions::new();
    let greeting = String::from("hello");
    functions.add("greet", &[Type::String], move |a| Ok(format!("{greeting} {}", a.text(0)).into()));
    functions.add("half", &[Type::Float64], |a| Ok((a.float(0) / 2.0).into()));
    functions.add("fails", &[], |_| Err("out of order".into()));
    let data = Map::dict([
        ("pod", Value::object(Pod { nil: false })),
        ("nil", Value::object(Pod { nil: true })),
        ("mode", Value::object(Mode(1))),
        ("labels", Value::Map(Map::Strings([("a", "b")].into_iter().collect()))),
    ]);
    let mut out = String::new();
    let result = Template::parse("t", text, &functions);
    match result.and_then(|template| template.render(&data.into(), &Limits::default(), &mut out)) {
        Ok(()) => out,
        Err(error) => error.as_go(),
    }
}

#[test]
fn objects_of_the_host_program_behave_as_go_values() {
    for (template, expected) in [
        (
            "{{.pod.Name}} {{.pod.GetName}} {{.nil.GetName}}|{{if .nil}}y{{else}}n{{end}}{{if .pod}}y{{end}}",
            "pod pod |ny",
        ),
        ("{{.pod}} {{.nil}}", "the pod <nil>"),
        ("{{.nil.Name}}", "template: t:1:6: executing \"t\" at <.nil.Name>: nil pointer evaluating *v1.Pod.Name"),
        ("{{.pod.Nope}}", "template: t:1:6: executing \"t\" at <.pod.Nope>: can't evaluate field Nope in type *v1.Pod"),
        ("{{.pod.Fail}}", "template: t:1:6: executing \"t\" at <.pod.Fail>: error calling Fail: no"),
        (
            "{{.mode}} {{printf \"%s %d %v\" .mode .mode .mode}} {{eq .mode 1}} {{if .mode}}y{{end}}",
            "TPROXY TPROXY 1 TPROXY true y",
        ),
        ("{{.labels.a}} {{.labels.b}} {{index .labels \"b\"}}|", "b <no value> |"),
        ("{{greet .pod}}", "hello the pod"),
        (
            "{{greet .nil}}",
            "template: t:1:8: executing \"t\" at <.nil>: wrong type for value; expected string; got *v1.Pod",
        ),
    ] {
        assert_eq!(with_host(template), expected, "{template}");
    }
}

#[test]
fn functions_get_arguments_of_their_types() {
    for (template, expected) in [
        ("{{greet \"you\"}} {{half 3}} {{\"x\" | greet}}", "hello you 1.5 hello x"),
        ("{{greet 1}}", "template: t:1:8: executing \"t\" at <1>: expected string; found 1"),
        ("{{greet .missing}}", "template: t:1:8: executing \"t\" at <.missing>: invalid value; expected string"),
        ("{{greet nil}}", "template: t:1:8: executing \"t\" at <nil>: cannot assign nil to string"),
        ("{{greet}}", "template: t:1:2: executing \"t\" at <greet>: wrong number of args for greet: want 1 got 0"),
        ("{{half \"x\"}}", "template: t:1:7: executing \"t\" at <\"x\">: expected float; found \"x\""),
        ("{{1 | half}}", "template: t:1:6: executing \"t\" at <half>: wrong type for value; expected float64; got int"),
        ("{{print fails}}", "template: t:1:8: executing \"t\" at <fails>: error calling fails: out of order"),
    ] {
        assert_eq!(with_host(template), expected, "{template}");
    }
}

#[test]
fn what_does_not_end_is_an_error() {
    let render = |text: &str, limits: Limits| {
        let template = Template::parse("t", text, &Functions::new()).unwrap();
        template.render(&Value::Missing, &limits, &mut String::new()).unwrap_err().problem.clone()
    };
    let limits = Limits { output: 100, rounds: 1000, depth: 50 };
    assert_eq!(
        render("{{range 1000000}}{{end}}", limits.clone()),
        "more than 1000 rounds of loops and calls of templates"
    );
    let mut doubling = String::from("{{define \"f40\"}}{{end}}{{template \"f0\"}}");
    for i in 0..40 {
        let call = format!("{{{{template \"f{}\"}}}}", i + 1);
        doubling += &format!("{{{{define \"f{i}\"}}}}{call}{call}{{{{end}}}}");
    }
    assert_eq!(render(&doubling, limits.clone()), "more than 1000 rounds of loops and calls of templates");
    assert_eq!(render("{{range 1000}}abc{{end}}", limits.clone()), "the output is larger than 100 bytes");
    let forever = "{{define \"f\"}}{{template \"f\"}}{{end}}{{template \"f\"}}";
    assert_eq!(render(forever, limits), "exceeded maximum template depth (50)");
    assert_eq!(render(forever, Limits::default()), "exceeded maximum template depth (200)");
    // As deep as a template can be, called as deep as it can be: the stack of a thread is large enough.
    let deep = format!("{{{{{}1{}}}}}", "print (".repeat(95), ")".repeat(95));
    let nested = format!("{}{deep}{{{{template \"f\"}}}}{}", "{{if 1}}".repeat(95), "{{end}}".repeat(95));
    let nested = format!("{{{{define \"f\"}}}}{nested}{{{{end}}}}{{{{template \"f\"}}}}");
    assert_eq!(render(&nested, Limits::default()), "templates, blocks and parentheses are nested more than 800 deep");
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(300), ")".repeat(300));
    let error = Template::parse("t", &deep, &Functions::new()).unwrap_err();
    assert_eq!(error.problem, "actions and parentheses are nested more than 200 deep");
}

#[test]
fn an_error_shows_the_line_of_the_template() {
    let template = Template::parse("inject", "a:\n  b: {{ .a.b.c }}\n", &Functions::new()).unwrap();
    let error = template.render(&data(), &Limits::default(), &mut String::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "template: inject:2:10: executing \"inject\" at <.a.b.c>: can't evaluate field c in type interface {}\n\
         2 |   b: {{ .a.b.c }}"
    );
}

#[test]
fn a_template_is_rendered_by_many_threads() {
    let template = Template::parse("t", "{{range .a.list}}{{.}};{{end}}", &Functions::new()).unwrap();
    let data = data();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut out = String::new();
                template.render(&data, &Limits::default(), &mut out).unwrap();
                assert_eq!(out, "p;q;<no value>;");
            });
        }
    });
}

#[test]
fn each_line_of_the_output_is_traced_to_the_template() {
    let text = "a: 1\n{{- range .a.list }}\n- {{ . }}\n{{- end }}\nb: 2\n";
    let template = Template::parse("t", text, &Functions::new()).unwrap();
    let mut out = String::new();
    let marks = template.render_marked(&data(), &Limits::default(), &mut out).unwrap();
    let line = |part: &str| template.line_of(&marks, out.find(part).unwrap()).unwrap();
    assert_eq!((line("a: 1"), line("- p"), line("q"), line("b: 2")), (1, 3, 3, 5));
}
