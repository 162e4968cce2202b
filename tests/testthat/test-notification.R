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

# A request that comes in, as text: its head, and its body as it is.
receive_request <- function(listening) {
  connection <- socketAccept(listening, blocking = TRUE, open = "r+b", timeout = 60)
  on.exit(close(connection))
  head <- character()
  while (nzchar(line <- readLines(connection, 1))) head <- c(head, line)
  length <- as.integer(sub("^[^:]*: *", "", grep("^content-length:", tolower(head), value = TRUE)))
  body <- readChar(connection, length, useBytes = TRUE)
  writeLines(c("HTTP/1.1 204 No Content", "Connection: close", ""), connection, sep = "\r\n")
  list(line = head[[1]], body = jsonlite::fromJSON(body))
}

test_that("a webhook hears of a published pipeline that R has run", {
  skip_unless_ready()
  ws <- temp_workspace()
  for (port in sample(20000:60000, 20)) {
    listening <- tryCatch(serverSocket(port), error = function(e) NULL)
    if (!is.null(listening)) break
  }
  withr::defer(close(listening))
  draw <- r_function_step(function() 1, "draw", outputs = c(one = "json"))
  published <- publish_pipeline(pipeline(draw), ws, "draw")
  channel <- webhook_channel(sprintf("http://127.0.0.1:%d/hook", port))
  made <- create_notification(ws, "bell", channel, on = "Completed", pipeline = "draw")
  run <- submit_published_pipeline(published)
  heard <- receive_request(listening)
  expect_identical(heard$line, "POST /hook HTTP/1.1")
  expect_identical(heard$body$run$id, run$id)
  expect_identical(heard$body$run$status, "Completed")
  wait_until(function() identical(get_notification_deliveries(made)$state, "ended"))
})
