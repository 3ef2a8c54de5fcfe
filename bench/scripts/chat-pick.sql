\set done :done + 1
\set call :first + :client_id * :share + :done - 1
\set conversation :call % :conversations
\set renter (:conversation + :call / :conversations % 2 * (1 + :conversation / :renters)) % :renters
