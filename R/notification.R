#' Have somebody told of what has ended
#'
#' A notification tells of submitted runs that end from now on, of pipelines and of schedules: by a
#' webhook, a mail or a command. The workspace's agent tells at least once: again and again, less
#' and less often, until it has arrived or a day has passed. No run waits for that. Secrets are
#' named, and stay in the workspace's keyvault.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param name Name of the notification.
#' @param channel A `webhook_channel()`, an `email_channel()` or a `command_channel()`.
#' @param on How a run has to have ended: `"Completed"`, `"Failed"` and `"Canceled"`.
#' @param experiment,pipeline,schedule Only runs of the experiment, the published pipeline or the
#'   schedule of that name. With a schedule, `"Failed"` is also for times at which it could not run,
#'   or was missed.
#' @param description What it is for.
#' @param exist_ok Whether a notification of that name that is there gets these settings.
#' @param url Where JSON is sent to. `NULL` where the URL itself is a secret.
#' @param url_secret Name of the secret that is the URL.
#' @param secret Name of the secret that signs: the header `webhook-signature` is `v1,` and the
#'   base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`, as Standard Webhooks has it.
#' @param recipients,sender Addresses of mail.
#' @param host,port The mail server.
#' @param security `"starttls"`, `"tls"`, or `"none"` for a server of this machine.
#' @param user The user of the mail server.
#' @param password_secret Name of the secret that is the user's password.
#' @param command A line for the shell of the agent's machine, which gets the event as JSON to read.
#' @param notification A `tandemlab_notification`.
#' @param limit At most that many.
#' @return `create_notification()`, `get_notification()`, `pause_notification()` and
#'   `resume_notification()`: a `tandemlab_notification`: plain data with `name`, `workspace`,
#'   `status` (`"Active"` or `"Paused"`), `on`, `about` and `by` (for people) and `description`.
#'   `list_notifications()`: a data frame of these. `get_notification_deliveries()`: a data frame
#'   with what there was to tell, the last first: `due`, `state` (`"decided"` until it has arrived,
#'   `"ended"` then, `"failed"` after a day), `event` and `reason` (what went wrong the last time).
#'   `test_notification()` tells of a made-up event at once and gives `TRUE`, invisibly.
#'   The channels are plain data.
#' @section Errors:
#' `tandemlab_error_invalid_input` for a setting that cannot be used,
#' `tandemlab_error_already_exists` if the name is taken, `tandemlab_error_unavailable` from
#' `test_notification()` if it did not arrive.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' bell <- create_notification(ws, "bell", command_channel("cat > /dev/null"), on = "Completed")
#' test_notification(bell)
#' list_notifications(ws)
#' delete_notification(bell)
#' @export
create_notification <- function(workspace, name, channel, on = "Failed", experiment = NULL,
                                pipeline = NULL, schedule = NULL, description = NULL,
                                exist_ok = FALSE) {
  if (!inherits(channel, "tandemlab_channel")) {
    abort_argument(
      "channel", "a webhook_channel(), an email_channel() or a command_channel()", channel
    )
  }
  new_notification(call_core(
    "notification.create",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name),
    channel = unclass(channel), on = arg_strings(on),
    experiment = arg_optional(experiment, arg_string),
    pipeline = arg_optional(pipeline, arg_string), schedule = arg_optional(schedule, arg_string),
    description = arg_optional(description, arg_string), exist_ok = arg_flag(exist_ok)
  ))
}

#' @rdname create_notification
#' @export
webhook_channel <- function(url = NULL, url_secret = NULL, secret = NULL) {
  new_channel("webhook",
    url = arg_optional(url, arg_string), url_secret = arg_optional(url_secret, arg_string),
    secret = arg_optional(secret, arg_string)
  )
}

#' @rdname create_notification
#' @export
email_channel <- function(recipients, sender, host, port = 587, security = "starttls", user = NULL,
                          password_secret = NULL) {
  new_channel("email",
    recipients = arg_strings(recipients), sender = arg_string(sender), host = arg_string(host),
    port = arg_count(port, least = 1L),
    security = arg_choice(security, c("starttls", "tls", "none")),
    user = arg_optional(user, arg_string),
    password_secret = arg_optional(password_secret, arg_string)
  )
}

#' @rdname create_notification
#' @export
command_channel <- function(command) new_channel("command", command = arg_string(command))

new_channel <- function(kind, ...) {
  structure(drop_null(list(kind = kind, ...)), class = "tandemlab_channel")
}

#' @rdname create_notification
#' @export
get_notification <- function(workspace, name) {
  new_notification(call_core(
    "notification.get",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name)
  ))
}

#' @rdname create_notification
#' @export
list_notifications <- function(workspace) {
  call_core("notification.list", workspace = .subset2(arg_workspace(workspace), "path"))
}

#' @rdname create_notification
#' @export
get_notification_deliveries <- function(notification, limit = 100) {
  call_notification(
    notification, "notification.deliveries",
    limit = arg_count(limit, least = 1L)
  )
}

#' @rdname create_notification
#' @export
test_notification <- function(notification) {
  call_notification(notification, "notification.test")
  invisible(TRUE)
}

#' @rdname create_notification
#' @export
pause_notification <- function(notification) {
  new_notification(call_notification(notification, "notification.change", change = "pause"))
}

#' @rdname create_notification
#' @export
resume_notification <- function(notification) {
  new_notification(call_notification(notification, "notification.change", change = "resume"))
}

#' @rdname create_notification
#' @export
delete_notification <- function(notification) {
  call_notification(notification, "notification.delete")
  invisible()
}

call_notification <- function(notification, call, ...) {
  if (!inherits(notification, "tandemlab_notification")) {
    abort_argument(
      "notification", "a notification", notification,
      "create_notification() and get_notification() give one."
    )
  }
  call_core(call, workspace = notification$workspace, name = notification$name, ...)
}

new_notification <- function(found) {
  found$on <- as.character(unlist(found$on))
  structure(found, class = "tandemlab_notification")
}

#' @export
format.tandemlab_notification <- function(x, ...) sprintf("<notification %s>", x$name)

#' @export
print.tandemlab_notification <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  cat("  ", x$status, ": ", toString(x$on), " of ", x$about, ", by ", x$by, "\n", sep = "")
  invisible(x)
}
