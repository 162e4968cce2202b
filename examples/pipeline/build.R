# The two pipelines, built in R; build.py builds the same.
#
#   Rscript examples/pipeline/build.R          all people
#   Rscript examples/pipeline/build.R 2000     the first 2,000

library(tandemlab)

features <- c(
  person = "integer", dvcat = "string", seatbelt = "string", sex = "string", airbag = "string",
  occRole = "string", frontal = "integer", ageOFocc = "integer", yearVeh = "integer"
)
outcome <- c(dead = "string", split = "string")
risks <- c(person = "integer", risk = "double")

# Python cleans, R and Python fit, and the better model is registered.
train_pipeline <- function() {
  raw <- pipeline_parameter("raw", "../../accidents/nassCDS.csv")
  rows <- pipeline_parameter("rows", 0L, description = "Only the first so many; 0 for all.")
  clean <- python_script_step(
    "clean.py",
    arguments = list(raw = "${inputs.raw}", rows = rows, people = "${outputs.people}"),
    source_directory = "models", inputs = list(raw = raw),
    outputs = list(people = list(type = "table", columns = c(features, outcome)))
  )
  words <- list(
    people = step_output(clean), model = "${outputs.model}", risks = "${outputs.risks}"
  )
  outputs <- list(model = "model", risks = list(type = "table", columns = risks))
  fit_r <- r_script_step("fit.R", "fit_r", words, "models", outputs = outputs)
  fit_python <- python_script_step("fit.py", "fit_python", words, "models", outputs = outputs)
  compare <- python_script_step(
    "compare.py",
    arguments = list(
      people = step_output(clean),
      "risks-r" = "${inputs.risks_r}", "model-r" = "${inputs.model_r}",
      "risks-python" = "${inputs.risks_python}", "model-python" = "${inputs.model_python}",
      best = "${outputs.best}", comparison = "${outputs.comparison}"
    ),
    source_directory = "models",
    inputs = list(
      risks_r = step_output(fit_r, "risks"), model_r = step_output(fit_r, "model"),
      risks_python = step_output(fit_python, "risks"),
      model_python = step_output(fit_python, "model")
    ),
    outputs = list(
      best = list(type = "model", register_as = "crash-deaths"), comparison = "json"
    )
  )
  pipeline(compare, name = "train", description = "Who dies in a crash? The better model.")
}

about_model <- 'def about_model(model: str) -> dict[str, object]:
    import json

    with open(f"{model}/about.json") as file:
        return json.load(file)
'

# Whichever language the newest model is of says the risks of new people.
score_pipeline <- function() {
  new <- pipeline_parameter("new", type = "string", description = "Files of new people.")
  model <- list(model = "crash-deaths")
  clean <- python_script_step(
    "clean.py",
    arguments = list("--new", "--raw", "${inputs.raw}", "--people", "${outputs.people}"),
    source_directory = "models", inputs = list(raw = list(dataset = new)),
    outputs = list(people = list(type = "table", columns = features))
  )
  about <- python_function_step(
    about_model, "about",
    inputs = list(model = model), outputs = c(facts = "json")
  )
  words <- list(
    people = step_output(clean), model = "${inputs.model}", scores = "${outputs.scores}"
  )
  outputs <- list(scores = list(
    type = "table", columns = risks, datastore = "crashes", path = "scores/{run-id}"
  ))
  in_r <- r_script_step(
    "score.R", "score_r", words, "models",
    inputs = list(model = model), outputs = outputs, when = "outputs.about.facts.language = 'R'"
  )
  in_python <- python_script_step(
    "score.py", "score_python", words, "models",
    inputs = list(model = model), outputs = outputs,
    when = "outputs.about.facts.language = 'Python'"
  )
  pipeline(about, in_r, in_python, name = "score", description = "The risks of new people.")
}

# Publish, train by name, and have both run by themselves.
main <- function(rows = 0L) {
  ws <- create_workspace("lab", exist_ok = TRUE)
  dir.create("crashes/new", recursive = TRUE, showWarnings = FALSE)
  register_folder_datastore(ws, "crashes", "crashes")
  publish_pipeline(train_pipeline(), ws)
  run <- submit_published_pipeline(
    get_published_pipeline(ws, "train"),
    pipeline_parameters = list(rows = rows)
  )
  wait_for_run_completion(run, show_output = TRUE)
  str(get_step_output(run, "compare", "comparison"))

  publish_pipeline(score_pipeline(), ws)
  monday <- schedule_recurrence(
    "Week",
    week_days = "Monday", time_of_day = "06:30", time_zone = "Europe/Berlin"
  )
  print(create_schedule(ws, "weekly", "train", recurrence = monday, exist_ok = TRUE))
  print(create_schedule(
    ws, "rescore", "score",
    datastore = "crashes", path_on_datastore = "new/*.csv",
    data_path_parameter_name = "new", exist_ok = TRUE
  ))
  message("Put a file with the columns of nassCDS.csv into crashes/new to have it scored.")
}

if (!interactive() && sys.nframe() == 0) {
  script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
  setwd(dirname(normalizePath(script)))
  main(as.integer(c(commandArgs(trailingOnly = TRUE), 0)[[1]]))
}
