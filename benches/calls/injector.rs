//! What `kube-inject` costs as a process, with the built-in configuration.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::cases::{Prepared, Target};
use crate::namespace::FILES;
use crate::programs::Program;

/// The rows: files with this many Deployments, and with a pod of this many environment variables.
pub fn rows(injector: &Path) -> Result<impl Iterator<Item = Prepared>> {
    let start = Program::named("true", &[])?;
    let row = |name: &str, text: &str, flags: &[&str], milliseconds| {
        let file = Path::new(FILES).join(format!("{}.yaml", name.replace(' ', "-")));
        fs::write(&file, text)?;
        Ok::<_, Box<dyn std::error::Error>>(Prepared {
            name: format!("kube-inject, {name}"),
            before: Vec::new(),
            ours: Program::at(injector, &["kube-inject", "-f", &file.display().to_string()]).with(flags),
            bare: Some((vec![vec![start.clone()]], "true")),
            floor: None,
            target: Target { milliseconds, ..Target::default() },
        })
    };
    let many = (0..1_000).map(|number| deployment(number, 1, 0)).collect::<String>();
    let values = Path::new(FILES).join("no-values.yaml").display().to_string();
    fs::write(&values, "{}")?;
    let templates = |count: usize| {
        let file = Path::new(FILES).join(format!("{count}-templates.yaml")).display().to_string();
        fs::write(&file, configuration(count))?;
        Ok::<_, Box<dyn std::error::Error>>(file)
    };
    let (one, hundred) = (templates(1)?, templates(100)?);
    let of = |file| ["--injectConfigFile", file, "--valuesFile", &values, "--policy-from-config"];
    Ok([
        row("1 Deployment", &deployment(0, 1, 0), &[], Some(10.0))?,
        row("1,000 Deployments", &many, &[], None)?,
        row("100 containers", &deployment(0, 100, 0), &[], None)?,
        row("2,000 environment variables", &deployment(0, 1, 2_000), &[], None)?,
        row("1 small template", &deployment(0, 1, 0), &of(&one), None)?,
        row("100 small templates", &deployment(0, 1, 0), &of(&hundred), None)?,
    ]
    .into_iter())
}

/// This number of templates, each of which adds a variable to the proxy.
fn configuration(templates: usize) -> String {
    let names: Vec<_> = (0..templates).map(|number| format!("t{number}")).collect();
    let template = |name: &String| {
        format!("  {name}: |\n    spec: {{containers: [{{name: istio-proxy, env: [{{name: {name}, value: x}}]}}]}}\n")
    };
    let all: String = names.iter().map(template).collect();
    format!("policy: enabled\ndefaultTemplates: [{}]\ntemplates:\n{all}", names.join(", "))
}

fn deployment(number: usize, containers: usize, variables: usize) -> String {
    let variables = (0..variables).map(|i| format!("        - {{name: VARIABLE_{i}, value: \"{i}\"}}\n"));
    let environment = variables.fold(String::new(), |text, variable| text + &variable);
    let environment = if environment.is_empty() { environment } else { format!("        env:\n{environment}") };
    let container = |container: usize| {
        format!(
            "      - name: web-{container}\n        \
               image: registry.example/web:1.0\n        \
               ports: [{{containerPort: {}}}]\n{environment}",
            8080 + container
        )
    };
    format!(
        "---\n\
         apiVersion: apps/v1\n\
         kind: Deployment\n\
         metadata: {{name: web-{number}}}\n\
         spec:\n  \
           selector: {{matchLabels: {{app: web-{number}}}}}\n  \
           template:\n    \
             metadata: {{labels: {{app: web-{number}}}}}\n    \
             spec:\n      \
               containers:\n{}",
        (0..containers).map(container).collect::<String>()
    )
}
