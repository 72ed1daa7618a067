"""The contract with users: names, labels and words that rules, dashboards and scripts hold on to."""
