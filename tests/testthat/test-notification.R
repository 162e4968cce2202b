# Notifications from R.

test_that("a notification is made, tried, paused and deleted, and bad ones are refused", {
  skip_unless_ready()
  ws <- temp_workspace()
  file <- withr::local_tempfile()
  channel <- command_channel(sprintf("cat > %s", shQuote(file)))
  made <- create_notification(ws, "bell", channel, on = c("Completed", "Failed"))
  expect_output(print(made), "Active: Completed, Failed of all runs, by command cat")
  test_notification(made)
  expect_identical(jsonlite::fromJSON(file)$event, "test")
  expect_identical(nrow(get_notification_deliveries(made)), 0L)
  expect_identical(pause_notification(made)$status, "Paused")
  expect_identical(resume_notification(get_notification(ws, "bell"))$status, "Active")
  broken <- create_notification(ws, "broken", command_channel("exit 3"))
  expect_error(test_notification(broken), "status 3", class = "tandemlab_error_unavailable")
  expect_identical(list_notifications(ws)$name, c("bell", "broken"))
  delete_notification(broken)
  expect_error(create_notification(ws, "x", "mail"), "`channel`")
  expect_error(create_notification(ws, "x", channel, on = "Started"), "not Started")
  expect_error(create_notification(ws, "x", webhook_channel()), "has a URL")
  expect_error(
    create_notification(ws, "x", email_channel("ana", "lab@example.org", "localhost")),
    "no address"
  )
  expect_identical(list_notifications(ws)$name, "bell")
})
