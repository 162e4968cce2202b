# Schedules from R.

test_that("recurrences follow the clock over both of its changes", {
  skip_unless_ready()
  daily <- schedule_recurrence(cron = "30 2 * * *", time_zone = "Europe/Berlin")
  due <- function(after) {
    format(next_recurrences(daily, 2, as.POSIXct(after, tz = "UTC")), "%d %H:%M", tz = "UTC")
  }
  expect_identical(due("2026-03-28 20:00"), c("29 01:00", "30 00:30"))
  expect_identical(due("2026-10-24 20:00"), c("25 00:30", "26 01:30"))
  weekly <- schedule_recurrence("Week", week_days = c("Monday", "Friday"), hours = 6, minutes = 30)
  found <- next_recurrences(weekly, 2, as.POSIXct("2026-01-06", tz = "UTC"))
  expect_identical(format(found, "%a %H:%M", tz = "UTC"), c("Fri 06:30", "Mon 06:30"))
  expect_error(next_recurrences(schedule_recurrence(cron = "* * *")), "no cron expression")
  expect_error(schedule_recurrence("Day", hours = 1.5), "`hours`")
})

test_that("a script of R is scheduled, run, paused, changed and deleted", {
  skip_unless_ready()
  ws <- temp_workspace()
  source <- local_script("hello.R", "cat('hello\\n')")
  config <- script_run_config(source, "hello.R")
  never <- schedule_recurrence(cron = "@yearly")
  made <- create_schedule(ws, "hello", config, recurrence = never, tags = c(by = "R"))
  expect_output(print(made), "status: Active\n  fires: cron @yearly")
  expect_length(made[["next"]], 3)
  expect_error(create_schedule(ws, "hello", config, recurrence = never), "already")
  id <- run_schedule_now(made)
  for (attempt in 1:600) {
    firings <- get_schedule_firings(made)
    if (identical(firings$state, "ended")) break
    Sys.sleep(0.1)
  }
  expect_identical(firings$run_id, id)
  run <- get_schedule_runs(made)[[1]]
  expect_identical(run$status, "Completed")
  expect_identical(run$tags, list(by = "R"))
  changed <- update_schedule(made, overlap = "queue", description = "Says hello.")
  expect_identical(changed$overlap, "queue")
  expect_identical(pause_schedule(changed)$status, "Paused")
  expect_identical(nrow(list_schedules(ws, active_only = TRUE)), 0L)
  expect_identical(resume_schedule(get_schedule(ws, "hello"))$status, "Active")
  after <- create_schedule(ws, "then", config, after = changed)
  expect_identical(after$fires, "after the schedule hello")
  delete_schedule(after)
  delete_schedule(changed)
  expect_error(get_schedule(ws, "hello"), class = "tandemlab_error_not_found")
  expect_error(create_schedule(ws, "x", 3), "`config`")
  expect_error(create_schedule(ws, "x", config), "0 of these are given")
})

test_that("a published pipeline of R is scheduled", {
  skip_unless_ready()
  ws <- temp_workspace()
  withr::local_dir(withr::local_tempdir())
  step <- command_step(list("echo", pipeline_parameter("day", "none")), "say")
  score <- publish_pipeline(pipeline(step), ws, "score")
  made <- create_schedule(
    ws, "daily", score,
    recurrence = schedule_recurrence("Day", time_of_day = "06:00", time_zone = "Europe/Berlin"),
    pipeline_parameters = list(day = "${slot.date}")
  )
  expect_identical(made$runs, "pipeline score:1")
  expect_error(
    create_schedule(ws, "loop", "score", after = "score"), "without end"
  )
  expect_error(
    create_schedule(ws, "bad", "score", after = made, pipeline_parameters = list(d = "x")),
    "no parameter 'd'"
  )
  expect_identical(list_schedules(ws)$name, "daily")
})

test_that("an agent that is not installed says so, and one of a machine without both is refused", {
  skip_unless_ready()
  ws <- temp_workspace()
  found <- get_agent_status(ws)
  expect_identical(found$schedules, 0L)
  expect_null(found$installation)
  expect_null(uninstall_agent(ws))
  expect_error(install_agent(ws, "launchd"), class = "tandemlab_error_invalid_input")
})
