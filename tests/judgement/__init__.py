"""One judgement: what the findings say is what the alerts say. The differences that must be are in `differences`."""
