#' Schedules
#'
#' A schedule runs a published pipeline or a script by itself: by time, on new data, on new versions
#' of a dataset, or after other runs. The workspace's agent sees to it, whether R is there or not,
#' and stays as long as there are schedules that are not paused; `tandemlab agent install` has it
#' come back when the machine starts. Each time that a schedule is due becomes one run, however many
#' agents share the workspace, and whoever is killed when.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param name Name of the schedule.
#' @param config What runs: the name of a published pipeline (`"NAME"` for its default version
#'   whenever it fires, `"NAME:VERSION"` for one), a `tandemlab_published_pipeline`, which stays the
#'   version that it is, or a [script_run_config()] or [estimator()], whose source is kept as it is
#'   now.
#' @param experiment_name Experiment of the runs; the schedule's name if `NULL`.
#' @param recurrence By time: a [schedule_recurrence()].
#' @param description What it is for.
#' @param pipeline_parameters Values of the pipeline's parameters, as in
#'   [submit_published_pipeline()]. `${slot}` in a text stands for the time at which it was due,
#'   `${slot.date}` for the date.
#' @param datastore On new and changed files: a datastore, or its name. Those that are there when
#'   the schedule is made do not fire.
#' @param path_on_datastore Only files at this path: a file, a folder or a pattern.
#' @param polling_interval Minutes between looks at the datastore; `NULL` for five seconds for
#'   folders of this machine, which are watched beside, and else one minute.
#' @param data_path_parameter_name The parameter of the pipeline, or the input of the script, that
#'   is given the changed files, or the new version of the dataset.
#' @param dataset On new versions: the name of a registered dataset.
#' @param after When a run of a published pipeline has ended: its name, or a
#'   `tandemlab_published_pipeline`; or of another schedule, a `tandemlab_schedule`.
#' @param after_status How that run has to have ended: `"Completed"`, `"Failed"` or `"any"`.
#' @param settle_seconds How long nothing may change before files count as complete.
#' @param start,end Nothing fires before and after these: `POSIXct` or `Date`.
#' @param catch_up What becomes of times that were missed while no agent was at work: `"skip"` none
#'   of them fires, `"latest"` the last one does, `"all"` all do. Up to a minute late counts as on
#'   time.
#' @param overlap What becomes of a firing while the run of an earlier one goes on: `"skip"` it,
#'   `"queue"` it until then, or `"replace"` that run, which is canceled.
#' @param continue_on_step_failure Of the pipeline; as it was published if `NULL`.
#' @param tags Named list or vector: tags of the runs.
#' @param exist_ok Whether a schedule of that name that is there gets these settings.
#' @param active_only Whether paused ones are left out.
#' @param schedule A `tandemlab_schedule`.
#' @param limit At most that many.
#' @return `create_schedule()`, `get_schedule()`, `update_schedule()`, `pause_schedule()` and
#'   `resume_schedule()` (what was due meanwhile does not fire): a `tandemlab_schedule`: plain data
#'   with `name`, `workspace`, `status` (`"Active"` or `"Paused"`), `fires` and `runs` (when and
#'   what, for people), `next` (the next three times, if it goes by time), `experiment`, `start`,
#'   `end`, `catch_up`, `overlap` and `description`.
#'   `list_schedules()`: a data frame with `name`, `status`, `fires`, `runs`, `next` and
#'   `description`. `get_schedule_firings()`: a data frame with a row for each time that it was due,
#'   the last first: `due`, `state` (`"decided"`, `"submitted"`, `"ended"`, `"skipped"`, `"missed"`
#'   or `"failed"`), `run_id`, `reason` and `slot`. `get_schedule_runs()`: a list of
#'   `tandemlab_run`s, the newest first. `run_schedule_now()`: the id of the run that there will be.
#'   `delete_schedule()`: `NULL`, invisibly; the runs stay.
#' @section Errors:
#' `tandemlab_error_invalid_input` if what is to run could not run now, a setting cannot be used, or
#' schedules would start each other without end; `tandemlab_error_not_found` if there is no such
#' pipeline, datastore, dataset or schedule; `tandemlab_error_already_exists` if the name is taken.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' source <- tempfile("source")
#' dir.create(source)
#' writeLines("cat('hello')", file.path(source, "hello.R"))
#' weekly <- schedule_recurrence(
#'   "Week", week_days = "Monday", time_of_day = "06:30", time_zone = "Europe/Berlin"
#' )
#' schedule <- create_schedule(
#'   ws, "weekly", script_run_config(source, "hello.R"), recurrence = weekly
#' )
#' schedule
#' pause_schedule(schedule)
#' list_schedules(ws)
#' delete_schedule(schedule)
#' @export
create_schedule <- function(workspace, name, config, experiment_name = NULL, recurrence = NULL,
                            description = NULL, pipeline_parameters = NULL, datastore = NULL,
                            path_on_datastore = NULL, polling_interval = NULL,
                            data_path_parameter_name = NULL, dataset = NULL, after = NULL,
                            after_status = c("Completed", "Failed", "any"), settle_seconds = 5,
                            start = NULL, end = NULL, catch_up = c("latest", "skip", "all"),
                            overlap = c("skip", "queue", "replace"),
                            continue_on_step_failure = NULL, tags = NULL, exist_ok = FALSE) {
  if (inherits(datastore, "tandemlab_datastore")) {
    datastore <- .subset2(datastore, "name")
  }
  what <- scheduled_config(config)
  new_schedule(call_core(
    "schedule.create",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name),
    config = what$config, pipeline = what$pipeline,
    recurrence = arg_optional(recurrence, arg_recurrence),
    pipeline_parameters = arg_pipeline_parameters(pipeline_parameters),
    after_schedule = if (inherits(after, "tandemlab_schedule")) after$name,
    after = if (!inherits(after, "tandemlab_schedule")) pipeline_named(after),
    experiment_name = arg_optional(experiment_name, arg_string),
    description = arg_optional(description, arg_string),
    datastore = arg_optional(datastore, arg_string),
    path_on_datastore = arg_optional(path_on_datastore, arg_string),
    polling_interval = arg_optional(polling_interval, arg_number, least = 0),
    data_path_parameter_name = arg_optional(data_path_parameter_name, arg_string),
    dataset = arg_optional(dataset, arg_string), after_status = match.arg(after_status),
    settle_seconds = arg_number(settle_seconds, least = 0),
    start = arg_optional(start, arg_time), end = arg_optional(end, arg_time),
    catch_up = match.arg(catch_up), overlap = match.arg(overlap),
    continue_on_step_failure = arg_optional(continue_on_step_failure, arg_flag),
    tags = arg_text_map(tags, missing_values = TRUE), exist_ok = arg_flag(exist_ok)
  ))
}

scheduled_config <- function(config) {
  if (inherits(config, "tandemlab_published_pipeline")) {
    return(list(pipeline = config$id))
  }
  if (is.character(config)) {
    return(list(pipeline = arg_string(config)))
  }
  if (!inherits(config, "tandemlab_script_run_config")) {
    abort_argument(
      "config", "the name of a published pipeline, or a script_run_config()", config,
      "publish_pipeline() publishes a pipeline."
    )
  }
  list(config = config_arguments(config))
}

pipeline_named <- function(after) {
  if (inherits(after, "tandemlab_published_pipeline")) {
    return(after$name)
  }
  arg_optional(after, arg_string)
}

#' @rdname create_schedule
#' @export
get_schedule <- function(workspace, name) {
  new_schedule(call_core(
    "schedule.get",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name)
  ))
}

#' @rdname create_schedule
#' @export
list_schedules <- function(workspace, active_only = FALSE) {
  call_core(
    "schedule.list",
    workspace = .subset2(arg_workspace(workspace), "path"), active_only = arg_flag(active_only)
  )
}

#' @rdname create_schedule
#' @export
update_schedule <- function(schedule, recurrence = NULL, description = NULL,
                            pipeline_parameters = NULL, start = NULL, end = NULL, catch_up = NULL,
                            overlap = NULL) {
  new_schedule(call_schedule(
    schedule, "schedule.update",
    recurrence = arg_optional(recurrence, arg_recurrence),
    pipeline_parameters = if (!is.null(pipeline_parameters)) {
      arg_pipeline_parameters(pipeline_parameters)
    },
    description = arg_optional(description, arg_string), start = arg_optional(start, arg_time),
    end = arg_optional(end, arg_time), catch_up = arg_optional(catch_up, arg_string),
    overlap = arg_optional(overlap, arg_string)
  ))
}

#' @rdname create_schedule
#' @export
pause_schedule <- function(schedule) {
  new_schedule(call_schedule(schedule, "schedule.change", change = "pause"))
}

#' @rdname create_schedule
#' @export
resume_schedule <- function(schedule) {
  new_schedule(call_schedule(schedule, "schedule.change", change = "resume"))
}

#' @rdname create_schedule
#' @export
delete_schedule <- function(schedule) {
  call_schedule(schedule, "schedule.delete")
  invisible()
}

#' @rdname create_schedule
#' @export
run_schedule_now <- function(schedule) call_schedule(schedule, "schedule.run_now")

#' @rdname create_schedule
#' @export
get_schedule_firings <- function(schedule, limit = 100) {
  call_schedule(schedule, "schedule.firings", limit = arg_count(limit, least = 1L))
}

#' @rdname create_schedule
#' @export
get_schedule_runs <- function(schedule, limit = 100) {
  found <- call_schedule(schedule, "schedule.runs", limit = arg_count(limit, least = 1L))
  lapply(found, run_from, owner = schedule)
}

call_schedule <- function(schedule, call, ...) {
  if (!inherits(schedule, "tandemlab_schedule")) {
    abort_argument(
      "schedule", "a schedule", schedule, "create_schedule() and get_schedule() give one."
    )
  }
  call_core(call, workspace = schedule$workspace, name = schedule$name, ...)
}

new_schedule <- function(found) structure(found, class = "tandemlab_schedule")

#' @export
format.tandemlab_schedule <- function(x, ...) sprintf("<schedule %s>", x$name)

#' @export
print.tandemlab_schedule <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  shown <- list(
    status = x$status, fires = x$fires, runs = x$runs, "next" = format(x[["next"]]),
    description = x$description
  )
  for (name in names(shown)) {
    if (length(shown[[name]]) > 0) {
      cat("  ", name, ": ", paste(shown[[name]], collapse = ", "), "\n", sep = "")
    }
  }
  invisible(x)
}

#' When a schedule is due
#'
#' By interval, by the calendar of a time zone, or by cron. Local times follow the clock of the time
#' zone: one that a change of the clock leaves out is due at the first minute behind the gap, one
#' that comes twice is due the first time. `"Second"`, `"Minute"` and `"Hour"`, and cron's `*` for
#' the hour, go by the time that passes.
#'
#' @param frequency `"Second"`, `"Minute"` or `"Hour"`, counted from `start_time`; or `"Day"`,
#'   `"Week"` or `"Month"`, by the calendar. `NULL` with `cron`.
#' @param interval Every how many of these.
#' @param start_time The first moment that can be one: `POSIXct` or `Date`, or a string such as
#'   `"2026-11-30T06:00"`, which is in `time_zone`. `NULL` for when the schedule is made.
#' @param time_zone An IANA name such as `"Europe/Berlin"`; UTC if `NULL`.
#' @param hours,minutes Of the day and of the hour, for `"Day"`, `"Week"` and `"Month"`.
#' @param week_days Such as `"Monday"`, for `"Week"`.
#' @param time_of_day `"18:30"` instead of hours and minutes.
#' @param cron Five fields, such as `"30 6 * * MON-FRI"`, or `"@daily"` and its like.
#' @param recurrence A `tandemlab_schedule_recurrence`.
#' @param number How many times.
#' @param after A `POSIXct`.
#' @return `schedule_recurrence()`: a `tandemlab_schedule_recurrence`, plain data for
#'   [create_schedule()]. `next_recurrences()`: `POSIXct`, in UTC.
#' @section Errors:
#' `tandemlab_error_invalid_input` for what does not go together, or is no value of its kind: at the
#' latest when a schedule is made of it.
#' @examplesIf tandemlab_is_ready()
#' daily <- schedule_recurrence(cron = "30 2 * * *", time_zone = "Europe/Berlin")
#' next_recurrences(daily, 3)
#' @export
schedule_recurrence <- function(frequency = NULL, interval = 1, start_time = NULL,
                                time_zone = NULL, hours = NULL, minutes = NULL, week_days = NULL,
                                time_of_day = NULL, cron = NULL) {
  if (inherits(start_time, c("POSIXt", "Date"))) {
    start_time <- format(as.POSIXct(start_time), "%Y-%m-%dT%H:%M:%S+00:00", tz = "UTC")
  }
  counts <- function(x, arg) {
    if (!is.null(x)) lapply(x, arg_count, arg = arg)
  }
  structure(
    drop_null(list(
      frequency = arg_optional(frequency, arg_string),
      interval = if (is.null(cron) || interval != 1) arg_count(interval, least = 1L),
      start_time = arg_optional(start_time, arg_string),
      time_zone = arg_optional(time_zone, arg_string),
      hours = counts(hours, "hours"), minutes = counts(minutes, "minutes"),
      week_days = if (!is.null(week_days)) arg_strings(week_days),
      time_of_day = arg_optional(time_of_day, arg_string), cron = arg_optional(cron, arg_string)
    )),
    class = "tandemlab_schedule_recurrence"
  )
}

#' @rdname schedule_recurrence
#' @export
next_recurrences <- function(recurrence, number = 3, after = Sys.time()) {
  call_core(
    "schedule.next",
    recurrence = arg_recurrence(recurrence), number = arg_count(number), after = arg_time(after)
  )
}

arg_recurrence <- function(x, arg = "recurrence") {
  if (!inherits(x, "tandemlab_schedule_recurrence")) {
    abort_argument(arg, "a schedule_recurrence()", x)
  }
  unclass(x)
}
