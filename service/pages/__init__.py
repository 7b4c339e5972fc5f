"""The pages: Chinese, rendered on the server, brought to life by htmx. One module per page.

    shell    sign-in state, templates, errors                  tryit    paste a message, see the decision
    navigation  entries and tabs, by rights                    filters  named filters of the queue
    signin   sign in, sign out, the first administrator        queue    what waits for a person
    case     one case and its verdict                          notices  notices and the payroll month
    records  people, groups, policies, terms                   overview charts        admin   users, keys, log

Pages call the same storage functions as the API; what a right forbids there it forbids here.
"""
